"""Names of entries in the cache: compile --name, --name in the place of a file, cache ls, rm and gc."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest

from support import AGENT_ANSWER, BROKEN_GUARD, ECHO_GUARD, GUARDC, RELAY_GUARD, CliTest, files_below, needs_compiler, run

OTHER_ANSWER = AGENT_ANSWER.replace('"s"', '"o"')
OTHER_GUARD = ECHO_GUARD.replace('[\\"s\\"]', '[\\"o\\"]')
NO_NAMES = ("", ".", "..", "../x", "a/b", "/etc/passwd", ".hidden", "-x", "a b", "a\nb", "a\x1b[31m", "é", "x" * 65, "cafe",
            "0123456789", "BEEF", "a" * 64)
NAMES = ("a", "abc", "github", "guard.wasm", "_x", "x-1", "beefy", "0123456789g", "A" * 63 + "z", "x" * 64)
WASI = '(module (memory (export "memory") 1) (func (export "_start")) (func (export "one") (result i32) (i32.const 1)))'


@needs_compiler
class NamesTest(CliTest):
    def setUp(self):
        super().setUp()
        self.guard = self.wasm(ECHO_GUARD)
        self.input = self.json_file("in.json", {})
        self.names = self.cache / "v1" / "names"

    def named(self, command, name, *more):
        return run(command, "--name", name, *more, "--cache-dir", self.cache)

    def call(self, name, *more):
        return self.named("call", name, "label_agent", "--raw", "--input", self.input, *more)

    def key_of(self, name):
        return json.loads(self.call(name, "--json").stdout)["key"]

    def rows(self):
        return json.loads(self.run_ok("cache", "ls", "--json", "--cache-dir", self.cache).stdout)["entries"]

    def cache_command(self, *args):
        return json.loads(self.run_ok("cache", *args, "--json", "--cache-dir", self.cache).stdout)

    # Compiling under a name.

    def test_a_name_needs_no_file(self):
        made = self.compile(self.guard, "--name", "github")
        self.assertEqual(made["name"], "github")
        self.assertNotIn("name", self.compile(self.guard))
        self.assertEqual(json.loads((self.names / "github").read_text()),
                         {"version": 1, "key": os.path.basename(os.path.dirname(made["path"])) + "-" + made["key"]})
        self.guard.unlink()
        self.assertEqual(self.call("github").stdout, AGENT_ANSWER.encode())
        self.assertEqual(self.key_of("github"), made["key"])

    def test_stdin_may_have_a_name(self):
        self.run_ok("compile", "-", "--name", "github", "--cache-dir", self.cache, stdin=self.guard.read_bytes())
        self.assertEqual(self.call("github").stdout, AGENT_ANSWER.encode())

    def test_what_is_a_name(self):
        for name in NAMES:
            self.compile(self.guard, "--name", name)
            self.assertEqual(self.call(name).stdout, AGENT_ANSWER.encode())

    def test_what_is_none_is_wrong_usage(self):
        for name in NO_NAMES:
            with self.subTest(name):
                self.assert_error(run("compile", self.guard, f"--name={name}", "--cache-dir", self.cache), code=2)
                for command in (["call", "label_agent", "--input", self.input], ["exec"], ["inspect"], ["verify"],
                                ["decide", "--tool", "t"]):
                    self.assert_error(run(*command, f"--name={name}", "--cache-dir", self.cache), code=2)
        self.assert_error(run("compile", self.guard, "--name", "cafe"), "the first digits of a key", code=2)
        self.assert_error(run("compile", self.guard, "--name", "../x"), "is a path", code=2)
        self.assertFalse(self.cache.exists())

    def test_one_module_one_artifact(self):
        self.assert_error(run("compile", self.guard, self.guard, "--name", "n", "--cache-dir", self.cache), "one guard", code=2)
        done = run("compile", self.guard, "--name", "n", "--emit=so", "-o", self.dir / "x", "--cache-dir", self.cache)
        self.assert_error(done, "--name", "--emit", code=2)
        self.assertFalse(self.cache.exists())

    def test_a_compile_that_fails_gives_no_name(self):
        bad = self.write("bad.wasm", b"\0asm\1\0\0\0\xff")
        self.assert_error(run("compile", bad, "--name", "github", "--cache-dir", self.cache))
        self.assertFalse(self.names.exists())

    def test_the_last_compile_wins_with_its_options(self):
        self.compile(self.wasm(OTHER_GUARD, "other.wasm"), "--name", "github")
        self.assertEqual(self.call("github").stdout, OTHER_ANSWER.encode())
        plain = self.compile(self.guard, "--name", "github")
        self.assertEqual(self.call("github").stdout, AGENT_ANSWER.encode())
        strict = self.compile(self.guard, "--strict-traps", "-O0", "--name", "github")
        self.assertEqual(self.key_of("github"), strict["key"])
        facts = json.loads(self.run_ok("inspect", "--name", "github", "--json", "--cache-dir", self.cache).stdout)
        self.assertEqual((facts["key"], facts["options"]["strict_traps"], facts["options"]["opt_level"]), (strict["key"], True, 0))
        # By its file it is the best that is run, as ever.
        done = self.run_ok("call", self.guard, "label_agent", "--input", self.input, "--json", "--cache-dir", self.cache)
        self.assertEqual(json.loads(done.stdout)["key"], plain["key"])
        # What is in the cache already gets the name, too.
        self.assertTrue(self.compile(self.guard, "--name", "github")["cached"])
        self.assertEqual(self.key_of("github"), plain["key"])

    def test_two_processes_at_once(self):
        other = self.wasm(OTHER_GUARD, "other.wasm")
        keys = [self.compile(guard)["key"] for guard in (self.guard, other)]
        for force in ([], ["--force"]):
            children = [subprocess.Popen([GUARDC, "compile", guard, "--name", "github", "--cache-dir", self.cache, *force],
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for guard in (self.guard, other) * 4]
            self.assertEqual([child.wait() for child in children], [0] * 8)
            self.assertIn(self.key_of("github"), keys)
            self.assertEqual([p.name for p in self.names.iterdir()], ["github"])
        self.assertEqual(files_below(self.cache / "v1/lock"), [])

    def test_compiling_beside_removing_leaves_no_name_without_its_entry(self):
        command = [GUARDC, "compile", self.guard, "--name", "github", "--cache-dir", self.cache]
        for _ in range(5):
            child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while child.poll() is None:
                run("cache", "gc", "--max-size", "0", "--cache-dir", self.cache)
            for name in (p.name for p in self.names.glob("[!.]*")):
                self.assertEqual(self.call(name).stdout, AGENT_ANSWER.encode())
            self.run_ok("cache", "gc", "--max-size", "0", "--cache-dir", self.cache)
            self.assertEqual(files_below(self.cache), [])

    # Finding by a name.

    def test_every_command_finds_by_name(self):
        made = self.compile(self.guard, "--name", "github")
        self.assertEqual(self.run_ok("verify", "--name", "github", "--cache-dir", self.cache).stdout.decode(), f"ok  {made['path']}\n")
        self.assertIn(made["key"].encode(), self.run_ok("inspect", "--name", "github", "--cache-dir", self.cache).stdout)
        timed = self.call("github", "--timing")
        self.assertEqual(timed.returncode, 0)
        self.assertIn(b"find", timed.stderr)

    def test_decide_by_name(self):
        guard = self.wasm(RELAY_GUARD, "relay.wasm")
        self.compile(guard, "--name", "github")
        policy = self.json_file("p.json", {"allow-only": {"repos": "all", "min-integrity": "none"}})
        answers = self.json_file("answers.json", {
            "label_agent": {"difc_mode": "filter", "agent": {"secrecy": [], "integrity": []}},
            "label_resource": {"resource": {"description": "r", "secrecy": [], "integrity": []}, "operation": "read"},
            "label_response": {"items": []}})
        more = ["--policy", policy, "--backend", answers, "--cache-dir", self.cache, "--json"]
        named = self.run_ok("decide", "--name", "github", "--tool", "t", "--result", self.json_file("r.json", []), *more)
        self.assertEqual(named.stdout, self.run_ok("decide", guard, "--tool", "t", "--result", self.dir / "r.json", *more).stdout)
        self.assertTrue(json.loads(named.stdout))
        # A case may have a guard of its own.
        cases = self.write("cases.jsonl", json.dumps({"id": 1, "tool": "t", "result": []}) + "\n" +
                           json.dumps({"id": 2, "tool": "t", "guard": "absent.wasm"}) + "\n")
        outcomes = [json.loads(line) for line in run("decide", "--name", "github", "--cases", cases, *more).stdout.splitlines()]
        self.assertEqual(["absent.wasm" in json.dumps(outcome) for outcome in outcomes], [False, True])
        done = run("decide", "--name", "gitlab", "--tool", "t", *more)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"its names are github", done.stderr)

    def test_exec_by_name(self):
        self.compile(self.wasm(WASI, "wasi.wasm"), "--profile", "wasi", "--name", "tool")
        self.run_ok("exec", "--name", "tool", "--cache-dir", self.cache)
        self.run_ok("exec", "--cache-dir", self.cache, "--name", "tool", "word", "--trusted", "--option-of-the-guest")
        self.run_ok("exec", "--cache-dir", self.cache, "--name=tool", "--", "word")
        done = self.run_ok("exec", "--name", "tool", "--invoke", "one", "--cache-dir", self.cache)
        self.assertEqual(done.stdout, b"1\n")
        self.assert_error(self.named("exec", "tool", "--invoke", "two"), "'tool' exports no function")
        self.assert_error(run("exec", "x.wasm", "--name", "tool", "--cache-dir", self.cache), "one too many", code=2)

    def test_a_name_is_in_the_place_of_a_file(self):
        self.compile(self.guard, "--name", "github")
        self.assert_error(self.named("call", "github", "x.wasm", "label_agent", "--input", self.input), "one too many", code=2)
        self.assert_error(self.named("call", "github", "label_nothing", "--input", self.input), "label_nothing", code=2)
        self.assert_error(self.named("call", "github", "label_agnet", "--input", self.input), "did you mean 'label_agent'?", code=2)
        self.assert_error(self.named("call", "github", "--input", self.input), "function is required", code=2)
        self.assert_error(run("call", "--input", self.input), "guard is required", code=2)
        self.assert_error(run("call", "x.wasm", "--input", self.input), "function is required", code=2)
        self.assert_error(self.call("github", "--compile"), "--compile", code=2)
        self.assert_error(self.named("inspect", "github", "x.wasm"), "--name", code=2)
        self.assert_error(self.named("decide", "github", "noop", "--tool", "t"), "--name", code=2)
        for command in ("inspect", "verify"):
            self.assert_error(run(command), "subject or --name is required", code=2)
        self.assert_error(run("decide", "--tool", "t"), "guard is required", code=2)
        done = run("call", "label_agent", "--name", "github", "--raw", "--input", self.input, "--cache-dir", self.cache)
        self.assertEqual(done.stdout, AGENT_ANSWER.encode())

    def test_an_unknown_name_lists_those_there_are(self):
        self.assert_error(self.call("github"), "there is no cache directory")
        self.compile(self.guard)
        self.assert_error(self.call("github"), 'has the name "github"', "it has no names")
        self.compile(self.guard, "--name", "gitlab")
        self.compile(self.guard, "--name", "slack")
        for command in ("inspect", "verify", "exec"):
            self.assert_error(self.named(command, "github"), "its names are gitlab, slack")
        done = self.call("github", "--json")
        self.assertEqual(json.loads(done.stdout)["error"]["kind"], "not_cached")
        for i in range(25):
            shutil.copy(self.names / "slack", self.names / f"x{i:02}")
        self.assert_error(self.call("github"), "x17 and 7 more")

    def test_an_entry_that_is_gone(self):
        made = self.compile(self.guard, "--name", "github")
        shutil.rmtree(made["path"])
        for done in (self.call("github"), self.named("verify", "github"), self.named("inspect", "github")):
            self.assert_error(done, made["key"], "any more", "guardc compile --name github")
        self.assertEqual(json.loads(self.call("github", "--json").stdout)["error"]["kind"], "not_cached")
        self.compile(self.guard, "--name", "github")
        self.assertEqual(self.call("github").stdout, AGENT_ANSWER.encode())

    def test_a_damaged_entry(self):
        made = self.compile(self.guard, "--name", "github")
        os.truncate(os.path.join(made["path"], "guard.so"), 100)
        for done in (self.call("github"), self.named("verify", "github")):
            self.assert_error(done, "guard.so has 100 bytes")
        shutil.rmtree(made["path"])
        other = self.compile(self.wasm(OTHER_GUARD, "other.wasm"))
        shutil.copytree(other["path"], made["path"])
        self.assert_error(self.call("github"), "expected the directory's name")

    def test_a_damaged_name(self):
        self.compile(self.guard, "--name", "github")
        file = self.names / "github"
        sound = file.read_text()
        for text in ("", "garbage", "\0" * 100, "{}", "[]", "null", "x" * 100_000, sound[:-10], sound + sound,
                     sound.replace('"key":"', '"key":"../'), sound.replace("-", "_"), sound.replace("}", ',"more":1}'),
                     re.sub(r'[0-9a-f]{64}-', "", sound), sound.replace('"version":1', '"version":"1"')):
            with self.subTest(text[:100]):
                file.write_text(text)
                for done in (self.call("github"), self.named("verify", "github")):
                    self.assert_error(done, str(file), "compile --name github", "cache rm github")
                self.assertEqual(json.loads(self.call("github", "--json").stdout)["error"]["kind"], "corrupt_artifact")
        self.assertEqual(self.rows()[0]["names"], [])
        self.compile(self.guard, "--name", "github")
        self.assertEqual(file.read_text(), sound)
        file.write_text("garbage")
        self.assertEqual(self.cache_command("rm", "github")["removed_names"], ["github"])
        self.assertEqual(len(self.rows()), 1)
        file.write_text(sound.replace('"version":1', '"version":2'))
        self.assertEqual(json.loads(self.call("github", "--json").stdout)["error"]["kind"], "incompatible_artifact")
        self.cache_command("gc", "--leftovers")
        self.assertTrue(file.exists())

    def test_a_name_that_is_a_link_or_no_file(self):
        made = self.compile(self.guard, "--name", "github")
        file = self.names / "github"
        away = shutil.copy(file, self.dir / "away")
        file.unlink()
        file.symlink_to(away)
        for command in ("verify", "inspect"):
            self.assert_error(self.named(command, "github"), "symbolic link")
        self.assertEqual(json.loads(self.call("github", "--json").stdout)["error"]["kind"], "untrusted")
        self.assertEqual(self.rows()[0]["names"], [])
        # Replaced, not followed.
        self.compile(self.guard, "--name", "github")
        self.assertFalse(file.is_symlink())
        self.assertEqual(self.key_of("github"), made["key"])
        file.unlink()
        file.symlink_to(away)
        self.assertEqual(self.cache_command("rm", "github")["removed_names"], ["github"])
        self.assertTrue(os.path.exists(away))
        os.mkfifo(file)
        self.assert_error(self.call("github"), "not a regular file")
        file.unlink()
        file.mkdir()
        self.assert_error(self.call("github"), "not a regular file")

    def test_a_names_directory_that_is_a_link(self):
        self.compile(self.guard, "--name", "github")
        self.names.rename(self.dir / "away")
        self.names.symlink_to(self.dir / "away")
        self.assert_error(self.call("github"), "links are not followed")
        self.assert_error(run("compile", self.guard, "--name", "x", "--cache-dir", self.cache), "links are not followed")
        self.assertEqual([p.name for p in (self.dir / "away").iterdir()], ["github"])

    def test_names_that_others_may_write_are_untrusted(self):
        self.compile(self.guard, "--name", "github")
        for path, mode in ((self.names, 0o777), (self.names, 0o775), (self.names / "github", 0o666), (self.names.parent, 0o777)):
            with self.subTest(path.name):
                before = path.stat().st_mode
                path.chmod(mode)
                self.assert_error(self.call("github"), str(path), "may be written by others")
                self.assert_error(self.call("github", "--trusted"), "may be written by others")
                path.chmod(before)
        self.names.chmod(0o777)
        self.assert_error(run("compile", self.guard, "--name", "x", "--cache-dir", self.cache), "may be written by others")
        self.assert_error(run("cache", "rm", "github", "--cache-dir", self.cache), "may be written by others")
        self.assertIn(b"warning: no name is shown", self.run_ok("cache", "ls", "--cache-dir", self.cache).stderr)
        self.assert_error_with_output(run("cache", "gc", "--leftovers", "--cache-dir", self.cache), "may be written by others")
        self.names.chmod(0o755)
        self.assertEqual(self.call("github").stdout, AGENT_ANSWER.encode())

    def assert_error_with_output(self, done, *words):
        self.assertEqual(done.returncode, 1)
        for word in words:
            self.assertIn(word, done.stderr.decode())

    def test_names_of_another_user_are_untrusted(self):
        if os.geteuid() != 0:
            self.skipTest("only root can give files away")
        self.compile(self.guard, "--name", "github")
        for path in (self.names / "github", self.names):
            os.chown(path, 4242, -1)
            self.assert_error(self.call("github"), str(path), "belongs to user 4242")
            os.chown(path, 0, -1)

    def test_a_read_only_cache_has_its_names(self):
        made = self.compile(self.guard, "--name", "github")
        run_as_reader = self.make_read_only()
        done = run_as_reader("call", "--name", "github", "label_agent", "--raw", "--input", self.input)
        self.assertEqual((done.returncode, done.stdout), (0, AGENT_ANSWER.encode()), done.stderr)
        done = run_as_reader("compile", self.guard, "--name", "github")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_error(run_as_reader("compile", self.guard, "--name", "gitlab"), 'cannot give the name "gitlab"', made["key"])

    def make_read_only(self):
        """How to run a command that cannot write to the cache: as root, in a mount namespace where it is mounted so."""
        if os.geteuid() != 0:
            for directory, _, _ in os.walk(self.cache):
                os.chmod(directory, 0o555)
                self.addCleanup(os.chmod, directory, 0o755)
            return lambda *args: run(*args, "--cache-dir", self.cache)
        mount = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'

        def run_as_reader(*args):
            return subprocess.run(["unshare", "--mount", "sh", "-c", mount, self.cache, GUARDC, *map(str, args),
                                   "--cache-dir", self.cache], capture_output=True)

        done = run_as_reader("cache", "path")
        if done.returncode != 0:
            self.skipTest(f"cannot mount: {done.stderr.decode().strip()}")
        return run_as_reader

    # Removing.

    def test_rm_of_a_name_removes_the_entry_and_all_its_names(self):
        made = self.compile(self.guard, "--name", "github")
        self.compile(self.guard, "--name", "gitlab")
        kept = self.compile(self.guard, "-O0", "--name", "kept")
        self.assertEqual({tuple(row["names"]) for row in self.rows()}, {("github", "gitlab"), ("kept",)})
        done = self.run_ok("cache", "rm", "gitlab", "--cache-dir", self.cache)
        self.assertEqual(done.stdout.decode(), f"removed {made['path']}\nremoved the name github\nremoved the name gitlab\n")
        self.assertEqual([p.name for p in self.names.iterdir()], ["kept"])
        self.assertEqual(self.key_of("kept"), kept["key"])
        self.assertEqual(self.cache_command("rm", kept["key"][:10])["removed_names"], ["kept"])
        self.assert_cache_empty()
        self.assert_error(run("cache", "rm", "github", "--cache-dir", self.cache), "there is no file 'github'", "no names")

    def test_rm_of_a_file_removes_the_names_of_all_of_it(self):
        self.compile(self.guard, "--name", "one")
        self.compile(self.guard, "-O0", "--name", "two")
        self.assertEqual(sorted(self.cache_command("rm", self.guard)["removed_names"]), ["one", "two"])
        self.assert_cache_empty()

    def test_rm_of_a_name_without_its_entry(self):
        made = self.compile(self.guard, "--name", "github")
        shutil.rmtree(made["path"])
        self.assertEqual(self.cache_command("rm", "github")["removed_names"], ["github"])
        self.assertEqual(list(self.names.iterdir()), [])

    def test_rm_leaves_names_of_what_is_in_use(self):
        made = self.compile(self.wasm(BROKEN_GUARD, "b.wasm"), "--name", "github")
        child = subprocess.Popen([GUARDC, "call", "--name", "github", "label_response", "--timeout", "60s", "--input", self.input,
                                  "--cache-dir", self.cache], stderr=subprocess.DEVNULL)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        while not self.rows()[0]["in_use"]:
            self.assertIsNone(child.poll())
        self.assert_error(run("cache", "rm", "github", "--cache-dir", self.cache), "in use")
        report = self.cache_command("gc", "--max-size", "0")
        self.assertEqual((report["in_use"], report["removed_names"]), ([made["path"]], []))
        self.run_ok("verify", "--name", "github", "--cache-dir", self.cache)

    def test_rm_of_what_is_a_file_and_a_name(self):
        self.compile(self.guard, "--name", "guard.wasm")
        other = self.compile(self.guard, "-O0")
        done = run("cache", "rm", "guard.wasm", other["key"], "--cache-dir", self.cache, cwd=self.dir)
        self.assert_error(done, "is a file here and a name", "./guard.wasm")
        self.assertEqual(len(self.rows()), 2)
        self.run_ok("cache", "rm", "./guard.wasm", "--cache-dir", self.cache, cwd=self.dir)
        self.assert_cache_empty()

    def test_an_ambiguous_key_removes_nothing_and_lists_what_it_could_be(self):
        made = self.compile(self.guard, "--name", "github")
        path = pathlib.Path(made["path"])
        twins = [made["key"]] + [made["key"][:10] + c * 54 for c in "abc" if made["key"][10] != c]
        for twin in twins[1:]:
            shutil.copytree(path, path.parent / twin)
        named = self.compile(self.wasm(OTHER_GUARD, "other.wasm"), "--name", "other")
        prefix = made["key"][:10]
        for command in (["cache", "rm", named["key"]], ["call", "--raw", "--input", self.input], ["inspect"], ["verify"], ["exec"]):
            words = [*command, prefix] + (["label_agent"] if command[0] == "call" else [])
            self.assert_error(run(*words, "--cache-dir", self.cache), f"{len(twins)} keys in", *twins, "give more digits")
        self.assertEqual(len(self.rows()), len(twins) + 1)
        done = run("cache", "rm", "other", prefix, "--json", "--cache-dir", self.cache)
        self.assertEqual((done.returncode, json.loads(done.stdout)["removed"]), (1, []))
        self.run_ok("verify", "--name", "other", "--cache-dir", self.cache)

    # Collecting.

    def test_gc_collects_names_with_their_entries(self):
        made = self.compile(self.guard, "--name", "github")
        kept = self.compile(self.wasm(OTHER_GUARD, "other.wasm"), "--name", "kept")
        os.utime(os.path.join(made["path"], "manifest.json"), (0, 0))
        dry = self.cache_command("gc", "--max-age", "30d", "--dry-run")
        self.assertEqual((dry["removed"], dry["removed_names"]), ([made["path"]], ["github"]))
        self.assertEqual(self.call("kept").stdout, OTHER_ANSWER.encode())
        self.assertTrue((self.names / "github").exists())
        text = self.run_ok("cache", "gc", "--max-age", "30d", "--cache-dir", self.cache).stdout.decode()
        self.assertIn("removed the name github\n", text)
        self.assertEqual([p.name for p in self.names.iterdir()], ["kept"])
        self.assertEqual(self.key_of("kept"), kept["key"])
        self.assertEqual(self.cache_command("gc", "--max-size", "0")["removed_names"], ["kept"])
        self.assert_cache_empty()

    def test_gc_sweeps_names_that_are_left_over(self):
        gone = self.compile(self.guard, "-O0", "--name", "gone")
        self.compile(self.guard, "--name", "github")
        shutil.rmtree(gone["path"])
        (self.names / "damaged").write_text("garbage")
        (self.names / ".tmp-1-0-github").write_text("half")
        (self.names / "link").symlink_to("github")
        (self.names / "not a name").write_text("")
        before = sorted(os.listdir(self.names))
        dry = self.cache_command("gc", "--leftovers", "--dry-run")
        self.assertEqual(sorted(dry["removed_names"]), ["damaged", "gone"])
        self.assertEqual(sorted(os.listdir(self.names)), before)
        report = self.cache_command("gc", "--leftovers")
        self.assertEqual((report["removed"], sorted(report["removed_names"])), ([], ["damaged", "gone"]))
        self.assertEqual(sorted(os.listdir(self.names)), ["github", "link", "not a name"])
        self.assertEqual(self.call("github").stdout, AGENT_ANSWER.encode())


@needs_compiler
class SourceTest(CliTest):
    """The file's name beside an artifact."""

    NAMELESS = ECHO_GUARD.replace("(module $echo", "(module")

    def setUp(self):
        super().setUp()
        self.guard = self.wasm(self.NAMELESS, "from-this-file.wasm")

    def row(self):
        [row] = json.loads(self.run_ok("cache", "ls", "--json", "--cache-dir", self.cache).stdout)["entries"]
        return row

    def table(self):
        return self.run_ok("cache", "ls", "--cache-dir", self.cache).stdout.decode()

    def test_ls_shows_it_where_a_module_has_no_name(self):
        made = self.compile(self.guard, "--name", "github")
        self.assertEqual(sorted(os.listdir(made["path"])), ["description.json", "guard.so", "manifest.json", "source"])
        self.assertEqual(pathlib.Path(made["path"], "source").read_text(), "from-this-file.wasm")
        self.assertEqual((self.row()["names"], self.row()["source"]), (["github"], "from-this-file.wasm"))
        self.assertRegex(self.table(), r" github +from-this-file\.wasm ")
        self.run_ok("cache", "rm", "github", "--cache-dir", self.cache)
        self.compile(self.wasm(ECHO_GUARD, "named.wasm"))
        self.assertEqual(self.row()["source"], "named.wasm")
        self.assertRegex(self.table(), r" - +echo ")

    def test_each_artifact_has_its_own(self):
        other = shutil.copy(self.guard, self.dir / "other-file.wasm")
        made = [self.compile(self.guard), self.compile(other, "-O0"), self.compile(other)]
        self.assertEqual([pathlib.Path(m["path"], "source").read_text() for m in made],
                         ["from-this-file.wasm", "other-file.wasm", "from-this-file.wasm"])
        self.assertEqual(pathlib.Path(self.compile(other, "--force")["path"], "source").read_text(), "other-file.wasm")

    def test_a_compile_on_a_miss_knows_the_file(self):
        self.run_ok("call", self.guard, "label_agent", "--raw", "--compile", "--input", self.json_file("in.json", {}),
                    "--cache-dir", self.cache)
        self.assertEqual(self.row()["source"], "from-this-file.wasm")

    def test_stdin_has_none(self):
        made = json.loads(self.run_ok("compile", "-", "--json", "--cache-dir", self.cache, stdin=self.guard.read_bytes()).stdout)
        self.assertFalse(pathlib.Path(made["guards"][0]["path"], "source").exists())
        self.assertEqual(self.row()["source"], "")
        self.run_ok("compile", "-", "--force", "--stdin-name", "some/where/" + "x" * 300, "--cache-dir", self.cache,
                    stdin=self.guard.read_bytes())
        self.assertEqual(self.row()["source"], "x" * 255)

    def test_strange_names_stay_on_their_line(self):
        strange = self.dir / "a\n\x1b[31mé\x7f.wasm"
        shutil.copy(self.guard, strange)
        self.compile(strange)
        self.assertIn("a\\x0a\\x1b[31mé\\x7f.wasm", self.table())
        self.assertEqual(self.row()["source"], strange.name)

    def test_nothing_but_ls_reads_it(self):
        made = self.compile(self.guard)
        source = pathlib.Path(made["path"], "source")
        for change in (lambda: source.write_bytes(b"\xff\0" * 5000), source.unlink, lambda: source.symlink_to("/etc/passwd"),
                       lambda: (source.unlink(), os.mkfifo(source)), lambda: (source.unlink(), source.mkdir())):
            change()
            self.assertEqual(self.row()["source"], "")
            self.run_ok("verify", self.guard, "--cache-dir", self.cache)
            self.run_ok("cache", "verify", "--cache-dir", self.cache)
            self.run_ok("call", self.guard, "label_agent", "--input", self.json_file("in.json", {}), "--cache-dir", self.cache)
        self.run_ok("cache", "rm", made["key"], "--cache-dir", self.cache)
        self.assert_cache_empty()


if __name__ == "__main__":
    unittest.main()

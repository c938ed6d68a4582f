"""guardc compile, inspect, verify and cache: what they print, what they leave in the cache."""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import time
import unittest

from support import AGENT_ANSWER, BROKEN_GUARD, ECHO_GUARD, GUARDC, CliTest, files_below, needs_compiler, run


@needs_compiler
class CompileTest(CliTest):
    def test_first_compiles_then_finds(self):
        guard = self.wasm(ECHO_GUARD)
        first, second = self.compile(guard), self.compile(guard)
        self.assertFalse(first["cached"])
        self.assertTrue(second["cached"])
        self.assertEqual((first["key"], first["path"]), (second["key"], second["path"]))
        self.assertTrue(os.path.isdir(first["path"]))
        self.assertFalse(self.compile(guard, "--force")["cached"])

    def test_several_guards(self):
        guards = [self.wasm(ECHO_GUARD, "a.wasm"), self.wasm(BROKEN_GUARD, "b.wasm")]
        done = self.run_ok("compile", *guards, "--cache-dir", self.cache, "--json")
        self.assertEqual(len(json.loads(done.stdout)["guards"]), 2)

    def test_every_option_gives_a_key_of_its_own(self):
        guard = self.wasm(ECHO_GUARD)
        keys = [self.compile(guard, *options)["key"] for options in (
            [], ["-O0"], ["-O1"], ["-O3"], ["--cpu", "x86-64-v3"], ["--bounds-checks"], ["--strict-traps"],
            ["--canonical-nans"], ["--profile", "wasi"])]
        self.assertEqual(len(set(keys)), len(keys))
        self.assertEqual(self.compile(guard, "-O2", "--jobs", "2")["key"], keys[0])

    def test_jobs_and_directory_do_not_change_the_artifact(self):
        wat = ECHO_GUARD.rstrip()[:-1] + "".join(
            f'(func (export "f{i}") (param i32) (result i32) (i32.mul (local.get 0) (i32.const {i})))' for i in range(200)) + ")"
        guard = self.wasm(wat)
        contents = []
        for jobs in ("1", "2", "3"):
            cache = self.dir / f"cache{jobs}"
            self.run_ok("compile", guard, "--cache-dir", cache, "--jobs", jobs)
            contents.append({str(p.relative_to(cache)): hashlib.sha256(p.read_bytes()).hexdigest()
                             for p in files_below(cache) if p.suffix in (".so", ".json")})
        self.assertEqual(contents[0], contents[1])
        self.assertEqual(contents[0], contents[2])
        self.assertEqual(len(contents[0]), 3)

    def test_eight_processes_compile_once(self):
        guard = self.wasm(ECHO_GUARD)
        command = [GUARDC, "compile", guard, "--cache-dir", self.cache, "--json"]
        children = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(8)]
        results = [json.loads(child.communicate()[0])["guards"][0] for child in children]
        self.assertEqual([child.returncode for child in children], [0] * 8)
        self.assertEqual(sorted(r["cached"] for r in results), [False] + [True] * 7)
        self.assertEqual(len({r["key"] for r in results}), 1)

    def test_emit(self):
        guard = self.wasm(ECHO_GUARD)
        for kind, start in (("llvm-ir", b"; ModuleID"), ("asm", b"\t"), ("obj", b"\x7fELF"), ("so", b"\x7fELF")):
            out = self.dir / kind
            self.run_ok("compile", guard, f"--emit={kind}", "-o", out, "--cache-dir", self.cache)
            self.assertTrue(out.read_bytes().startswith(start), kind)
        self.assert_cache_empty()

    def test_nothing_but_results_on_stdout(self):
        guard = self.wasm(ECHO_GUARD)
        self.run_ok("compile", guard, "--cache-dir", self.cache)
        self.assertNotIn(b"\x1b", self.run_ok("compile", guard, "--cache-dir", self.cache, "--force").stderr)

    def test_without_compiler(self):
        lonely = shutil.copy(GUARDC, self.dir / "guardc")
        done = subprocess.run([lonely, "compile", "x.wasm"], capture_output=True)
        self.assert_error(done, "this installation has no compiler", "guardc-compiler")


def large_guard(changed=None):
    """A guard of several chunks; the constant in one of its functions is another where it is `changed`."""
    steps = "".join("(local.set 0 (i32.add (i32.mul (local.get 0) (i32.const 31)) (i32.const 7)))" for _ in range(200))
    functions = "".join(
        f'(func (export "f{i}") (param i32) (result i32) {steps} '
        f"(i32.xor (local.get 0) (i32.const {i + (1000 if i == changed else 0)})))" for i in range(40))
    return ECHO_GUARD.rstrip()[:-1] + functions + ")"


@needs_compiler
class ReuseTest(CliTest):
    """Of the parts of a module that a change left alone."""

    def setUp(self):
        super().setUp()
        self.before, self.after = self.wasm(large_guard(), "before.wasm"), self.wasm(large_guard(17), "after.wasm")

    def chunk_files(self):
        return [p for p in files_below(self.cache) if p.parent.name == "chunks"]

    def object_of(self, made):
        return (pathlib.Path(made["path"]) / "guard.so").read_bytes()

    def clean_compile(self, guard):
        made = self.compile(guard, "--force", "--no-reuse")
        self.assertEqual(made["chunks_reused"], 0)
        return self.object_of(made)

    def test_only_what_changed_is_compiled(self):
        first = self.compile(self.before)
        self.assertGreater(first["chunks"], 3)
        self.assertEqual(first["chunks_reused"], 0)
        self.assertEqual(len(self.chunk_files()), first["chunks"])
        second = self.compile(self.after)
        self.assertEqual((second["chunks"], second["chunks_reused"]), (first["chunks"], first["chunks"] - 1))
        reused = self.object_of(second)
        self.assertNotEqual(reused, self.object_of(first))
        self.assertEqual(reused, self.clean_compile(self.after))

    def test_a_small_module_keeps_nothing(self):
        self.assertEqual(self.compile(self.wasm(ECHO_GUARD))["chunks_reused"], 0)
        self.assertEqual(self.chunk_files(), [])

    def test_force_and_no_reuse_take_nothing(self):
        self.compile(self.before)
        files = self.chunk_files()
        self.assertEqual(self.compile(self.before, "--force")["chunks_reused"], 0)
        self.assertEqual(self.compile(self.after, "--no-reuse")["chunks_reused"], 0)
        self.assertEqual(self.chunk_files(), files)

    def test_other_options_share_nothing(self):
        self.compile(self.before)
        for options in (["-O1"], ["--cpu", "x86-64-v3"], ["--bounds-checks"], ["--strict-traps"], ["--profile", "wasi"]):
            self.assertEqual(self.compile(self.before, *options)["chunks_reused"], 0, options)

    def test_a_damaged_chunk_is_made_anew(self):
        made = self.compile(self.before)
        for number, path in enumerate(self.chunk_files()):
            contents = bytearray(path.read_bytes())
            if number % 3 == 0:
                contents[len(contents) // 2] ^= 1
            elif number % 3 == 1:
                contents = contents[:number]  # torn
            else:
                contents = self.chunk_files()[0].read_bytes()  # another's
            path.write_bytes(contents)
        done = run("cache", "verify", "--cache-dir", self.cache, "--json")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(json.loads(done.stdout)["chunks"], {"count": made["chunks"], "damaged": made["chunks"]})
        second = self.compile(self.after)
        self.assertEqual(second["chunks_reused"], 0)
        self.assertEqual(self.object_of(second), self.clean_compile(self.after))

    def test_chunks_that_others_may_write_are_not_used(self):
        self.compile(self.before)
        for path in self.chunk_files():
            path.chmod(0o666)
        self.assertEqual(self.compile(self.after)["chunks_reused"], 0)
        (self.cache / "v1/chunks").chmod(0o777)
        self.assert_error(run("compile", self.after, "--force", "--cache-dir", self.cache), "v1/chunks")

    def test_processes_share_chunks(self):
        guards = [self.wasm(large_guard(i), f"{i}.wasm") for i in range(4)]
        children = [subprocess.Popen([GUARDC, "compile", guard, "--cache-dir", self.cache, "--json"],
                                     stdout=subprocess.PIPE) for guard in guards]
        made = [json.loads(child.communicate()[0])["guards"][0] for child in children]
        self.assertEqual([child.returncode for child in children], [0] * 4)
        for guard, entry in zip(guards, made):
            self.assertEqual(self.object_of(entry), self.clean_compile(guard))
        self.assertEqual(json.loads(self.run_ok("cache", "verify", "--cache-dir", self.cache, "--json").stdout)["chunks"]["damaged"], 0)

    def test_cache_commands_count_and_collect_them(self):
        made = self.compile(self.before)
        listed = json.loads(self.run_ok("cache", "ls", "--cache-dir", self.cache, "--json").stdout)
        self.assertEqual(listed["chunks"]["count"], made["chunks"])
        self.assertEqual(listed["chunks"]["size"], sum(p.stat().st_size for p in self.chunk_files()))
        self.assertIn(f"{made['chunks']} chunks", self.run_ok("cache", "ls", "--cache-dir", self.cache).stdout.decode())
        # They go before artifacts do.
        limit = f"{listed['size']}B"
        for options in (["--dry-run"], []):
            report = json.loads(self.run_ok("cache", "gc", "--max-size", limit, "--cache-dir", self.cache, "--json", *options).stdout)
            self.assertEqual((report["removed_chunks"], report["removed"]), (made["chunks"], []))
        self.assertEqual(self.chunk_files(), [])
        self.run_ok("verify", self.before, "--cache-dir", self.cache)


@needs_compiler
class InspectVerifyTest(CliTest):
    def setUp(self):
        super().setUp()
        self.guard = self.wasm(ECHO_GUARD)

    def test_inspect_uncompiled(self):
        facts = json.loads(self.run_ok("inspect", self.guard, "--cache-dir", self.cache, "--json").stdout)
        self.assertFalse(facts["cached"])
        self.assertIn("label_agent", [e["name"] for e in facts["exports"]])
        self.assertIn(b"label_agent", self.run_ok("inspect", self.guard, "--cache-dir", self.cache).stdout)

    def test_inspect_compiled_by_any_name(self):
        made = self.compile(self.guard)
        for subject in (self.guard, made["path"], made["key"], made["key"][:12]):
            facts = json.loads(self.run_ok("inspect", subject, "--cache-dir", self.cache, "--json").stdout)
            self.assertTrue(facts["cached"])
            self.assertEqual(facts["key"], made["key"])
            self.assertEqual([(i["module"], i["name"]) for i in facts["imports"]],
                             [("env", "call_backend"), ("env", "host_log")])
            self.assertIn(hashlib.sha256(self.guard.read_bytes()).hexdigest(), json.dumps(facts))
        text = self.run_ok("inspect", self.guard, "--cache-dir", self.cache).stdout.decode()
        for word in ("env.call_backend", "(i32, i32, i32, i32) -> i32", "2 pages", made["key"], "x86_64"):
            self.assertIn(word, text)

    def test_inspect_shows_the_other_artifacts(self):
        keys = {self.compile(self.guard)["key"], self.compile(self.guard, "-O0")["key"]}
        facts = json.loads(self.run_ok("inspect", self.guard, "--cache-dir", self.cache, "--json").stdout)
        self.assertEqual({facts["key"]} | {os.path.basename(e) for e in facts["other_entries"]}, keys)

    def test_unknown_and_ambiguous_keys(self):
        self.compile(self.guard)
        self.assert_error(run("inspect", "ffffffffffff", "--cache-dir", self.cache), "ffffffffffff")
        self.assert_error(run("inspect", "abc", "--cache-dir", self.cache), "abc")

    def test_verify(self):
        self.assert_error(run("verify", self.guard, "--cache-dir", self.cache), "no artifact")
        made = self.compile(self.guard)
        self.assertEqual(self.run_ok("verify", self.guard, "--cache-dir", self.cache).stdout.decode(), f"ok  {made['path']}\n")
        self.assertTrue(json.loads(self.run_ok("verify", made["key"][:8], "--json", "--cache-dir", self.cache).stdout)["ok"])

    def test_verify_finds_flipped_bytes(self):
        made = self.compile(self.guard)
        path = pathlib.Path(made["path"], "guard.so")
        path.chmod(0o644)
        whole = path.read_bytes()
        for at in range(0, len(whole), max(1, len(whole) // 20)):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x20]) + whole[at + 1:])
            self.assert_error(run("verify", made["path"], "--cache-dir", self.cache), "hint:")
        path.write_bytes(whole)
        self.run_ok("verify", made["path"], "--cache-dir", self.cache)

    def test_verify_finds_changed_facts(self):
        made = self.compile(self.guard)
        changes = {
            "manifest.json": (('"name": "', '"name": "o'), ('"opt_level": 2', '"opt_level": 3'), ("sha256", "sha257"),
                              ("xxh3_128", "xxh3_127"), ('"xxh3_128": "', '"xxh3_128": "0'),
                              ('"abi_version": 3', '"abi_version": 9'), ('"manifest_version": 3', '"manifest_version": 2')),
            "description.json": (("label_agent", "label_agents"), ("call_backend", "call_backenc"),
                                 ('"functions": ', '"functions": 1')),
        }
        for file, pairs in changes.items():
            path = pathlib.Path(made["path"], file)
            path.chmod(0o644)
            whole = path.read_text()
            for old, new in pairs:
                with self.subTest(old):
                    self.assertIn(old, whole)
                    path.write_text(whole.replace(old, new))
                    self.assert_error(run("verify", made["path"], "--cache-dir", self.cache))
                    if file == "description.json":
                        self.assert_error(run("inspect", made["path"], "--cache-dir", self.cache), file)
            path.write_text(whole)
        self.run_ok("verify", made["path"], "--cache-dir", self.cache)

    def test_verify_json_of_a_damaged_entry(self):
        made = self.compile(self.guard)
        os.truncate(os.path.join(made["path"], "manifest.json"), 10)
        done = run("verify", self.guard, "--json", "--cache-dir", self.cache)
        result = json.loads(done.stdout)
        self.assertEqual((done.returncode, result["ok"]), (1, False))
        self.assertEqual(result["entries"][0]["error"]["kind"], "corrupt_artifact")


@needs_compiler
class CacheTest(CliTest):
    def test_path_follows_the_order_of_its_sources(self):
        home = {"HOME": "/h", "XDG_CACHE_HOME": ""}
        for env, expected in (
            (home, "/h/.cache/guardc"),
            (home | {"XDG_CACHE_HOME": "/x"}, "/x/guardc"),
            (home | {"XDG_CACHE_HOME": "/x", "MCP_GATEWAY_WASM_CACHE_DIR": "/m"}, "/m"),
            (home | {"MCP_GATEWAY_WASM_CACHE_DIR": "/m", "GUARDC_CACHE_DIR": "/g"}, "/g"),
        ):
            self.assertEqual(self.run_ok("cache", "path", env=env).stdout.decode(), expected + "\n")
        self.assertEqual(self.run_ok("cache", "path", "--cache-dir", "/d", env={"GUARDC_CACHE_DIR": "/g"}).stdout, b"/d\n")

    def test_empty_cache(self):
        self.run_ok("cache", "gc", "--max-size", "0", "--cache-dir", self.cache)
        self.assertFalse(self.cache.exists())
        self.cache.mkdir()
        self.assertEqual(json.loads(self.run_ok("cache", "ls", "--json", "--cache-dir", self.cache).stdout)["entries"], [])
        self.run_ok("cache", "ls", "--cache-dir", self.cache)
        self.run_ok("cache", "verify", "--cache-dir", self.cache)
        self.run_ok("cache", "gc", "--max-size", "0", "--cache-dir", self.cache)

    def test_a_mistyped_directory_is_no_empty_cache(self):
        for command in ("ls", "verify"):
            self.assert_error(run("cache", command, "--cache-dir", self.cache), str(self.cache))

    def test_gc_removes_nothing_by_mistake(self):
        made = self.compile(self.wasm(ECHO_GUARD))
        for options in ([], ["--dry-run"], ["--max-size", "1"], ["--max-size", "1.5"], ["--max-age", "30"],
                        ["--leftovers", "--max-size", "0"], ["--leftovers", "--max-age", "1d"]):
            with self.subTest(options):
                self.assert_error(run("cache", "gc", *options, "--cache-dir", self.cache), code=2)
        self.assertIn(b"--max-age, --max-size or --leftovers", run("cache", "gc", "--cache-dir", self.cache).stderr)
        left = pathlib.Path(made["path"]).parent / (".tmp-" + "a" * 64 + "-1-0")
        left.mkdir()
        self.run_ok("cache", "gc", "--leftovers", "--cache-dir", self.cache)
        self.assertFalse(left.exists())
        self.run_ok("cache", "gc", "--max-size", "1GiB", "--cache-dir", self.cache)
        self.run_ok("verify", made["path"], "--cache-dir", self.cache)

    def test_ls_verify_gc(self):
        made = [self.compile(self.wasm(ECHO_GUARD)), self.compile(self.wasm(BROKEN_GUARD, "b.wasm"))]
        listed = json.loads(self.run_ok("cache", "ls", "--json", "--cache-dir", self.cache).stdout)
        self.assertEqual({e["manifest"]["key"] for e in listed["entries"]}, {m["key"] for m in made})
        self.assertGreater(listed["size"], 0)
        text = self.run_ok("cache", "ls", "--cache-dir", self.cache).stdout.decode()
        self.assertIn("2 artifacts", text)
        self.assertIn("2 sound, 0 damaged", self.run_ok("cache", "verify", "--cache-dir", self.cache).stdout.decode())

        dry = json.loads(self.run_ok("cache", "gc", "--max-size", "0", "--dry-run", "--json", "--cache-dir", self.cache).stdout)
        self.assertEqual((len(dry["removed"]), dry["dry_run"]), (2, True))
        self.run_ok("verify", made[0]["path"], made[1]["path"], "--cache-dir", self.cache)
        self.run_ok("cache", "gc", "--max-age", "1d", "--cache-dir", self.cache)
        self.run_ok("verify", made[0]["path"], made[1]["path"], "--cache-dir", self.cache)
        self.run_ok("cache", "gc", "--max-size", "0", "--cache-dir", self.cache)
        self.assertFalse(os.path.exists(made[0]["path"]) or os.path.exists(made[1]["path"]))

    def test_rm(self):
        guard = self.wasm(ECHO_GUARD)
        made = [self.compile(guard), self.compile(guard, "-O0"), self.compile(self.wasm(BROKEN_GUARD, "b.wasm"))]
        self.assert_error(run("cache", "rm", "0123456789", "--cache-dir", self.cache), "no key")
        self.assert_error(run("cache", "rm", "absent.wasm", "--cache-dir", self.cache), "there is no file 'absent.wasm'")
        self.assert_error(run("cache", "rm", self.dir, "--cache-dir", self.cache), "no entry of the cache")
        self.assert_error(run("cache", "rm", self.cache / "v1", "--cache-dir", self.cache), "no entry of the cache")
        self.run_ok("cache", "rm", made[0]["key"][:12], "--cache-dir", self.cache)
        self.assertEqual([os.path.exists(m["path"]) for m in made], [False, True, True])
        removed = json.loads(self.run_ok("cache", "rm", guard, made[2]["path"], "--json", "--cache-dir", self.cache).stdout)
        self.assertEqual(removed["removed"], [made[1]["path"], made[2]["path"]])
        self.assertFalse(any(os.path.exists(m["path"]) for m in made))
        self.assert_error(run("cache", "rm", guard, "--cache-dir", self.cache), "no artifact of")

    def test_rm_leaves_what_is_in_use(self):
        guard = self.wasm(BROKEN_GUARD)
        made = self.compile(guard)
        child = subprocess.Popen([GUARDC, "call", guard, "label_response", "--timeout", "20s", "--input",
                                  self.json_file("in.json", {}), "--cache-dir", self.cache], stderr=subprocess.DEVNULL)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        for _ in range(100):
            if json.loads(self.run_ok("cache", "ls", "--json", "--cache-dir", self.cache).stdout)["entries"][0]["in_use"]:
                break
            time.sleep(0.05)
        self.assert_error(run("cache", "rm", made["key"], "--cache-dir", self.cache), "in use")
        self.run_ok("verify", made["path"], "--cache-dir", self.cache)

    def test_call_by_the_first_digits_of_a_key(self):
        made = self.compile(self.wasm(ECHO_GUARD))
        in_file = self.json_file("in.json", {"a": 1})
        for digits in (made["key"][:8], made["key"]):
            done = self.run_ok("call", digits, "label_resource", "--raw", "--input", in_file, "--cache-dir", self.cache)
            self.assertEqual(done.stdout, in_file.read_bytes())
        self.assert_error(run("call", "0123456789", "label_resource", "--input", in_file, "--cache-dir", self.cache), "no key")

    def test_call_heals_a_damaged_manifest_beside_a_sound_entry(self):
        guard = self.wasm(ECHO_GUARD)
        best, lesser = self.compile(guard), self.compile(guard, "-O0")
        call = ("call", guard, "label_agent", "--raw", "--compile", "--input", self.json_file("in.json", {}), "--cache-dir",
                self.cache)
        for damaged in (best, lesser):
            with self.subTest(damaged is best):
                os.truncate(os.path.join(damaged["path"], "manifest.json"), 10)
                self.assertEqual(self.run_ok(*call).stdout, AGENT_ANSWER.encode())
                self.run_ok("cache", "verify", "--cache-dir", self.cache)
        self.assertTrue(os.path.exists(best["path"]))

    def test_damaged_entries_are_listed_and_reported(self):
        made = self.compile(self.wasm(ECHO_GUARD))
        os.truncate(os.path.join(made["path"], "guard.so"), 100)
        done = run("cache", "verify", "--cache-dir", self.cache)
        self.assertEqual((done.returncode, done.stdout.count(b"1 damaged")), (1, 1))
        os.truncate(os.path.join(made["path"], "manifest.json"), 3)
        self.assertIn(b"damaged", self.run_ok("cache", "ls", "--cache-dir", self.cache).stdout)

    def test_read_only_cache_serves(self):
        guard = self.wasm(ECHO_GUARD)
        made = self.compile(guard)
        for directory, _, _ in os.walk(self.cache):
            os.chmod(directory, 0o555)
            self.addCleanup(os.chmod, directory, 0o755)
        done = run("call", guard, "label_agent", "--input", self.json_file("in.json", {}), "--cache-dir", self.cache)
        self.assertEqual((done.returncode, done.stdout), (0, AGENT_ANSWER.encode()), done.stderr)
        self.run_ok("verify", made["path"], "--cache-dir", self.cache)


if __name__ == "__main__":
    unittest.main()

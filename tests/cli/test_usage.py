"""What the command says of itself and of wrong arguments: help, versions, completions, man pages, slips of the finger."""

import json
import re
import shutil
import subprocess
import unittest

from support import ECHO_GUARD, GUARDC, HAS_COMPILER, CliTest, needs_compiler, run

COMMANDS = [[], ["compile"], ["verify"], ["inspect"], ["call"], ["exec"], ["cache"], ["cache", "ls"], ["cache", "gc"],
            ["cache", "verify"], ["cache", "path"], ["policy"], ["policy", "check"], ["decide"], ["doctor"],
            ["completions"], ["man"]]
# What a person may type, and what was meant.
SLIPS = [
    (["cal"], "call"), (["comiple", "x.wasm"], "compile"), (["doctr"], "doctor"), (["cache", "sl"], "ls"),
    (["policy", "chek"], "check"), (["insp"], "inspect"),
    (["call", "x.wasm", "label_agent", "--inptu", "x"], "--input"), (["call", "--input=x", "x.wasm", "label_agnet"],
                                                                     "label_agent"),
    (["verify", "x", "--jsno"], "--json"), (["cache", "gc", "--max-aeg=3d"], "--max-age"), (["--versoin"], "--version"),
    (["exec", "--invok", "f", "x.wasm"], "--invoke"), (["decide", "noop", "--tool=t", "--mode=stric"], "strict"),
    (["completions", "bsh"], "bash"), (["man", "cal"], "call"),
]
COMPILE_SLIPS = [
    (["compile", "--profile", "gurd", "x.wasm"], "guard"), (["compile", "--emit=object", "-o", "x", "x.wasm"], "obj"),
    (["compile", "--profil", "wasi", "x.wasm"], "--profile"), (["compile", "x.wasm", "--bound-checks"], "--bounds-checks"),
]


def is_plain(text):
    return all(byte >= 0x20 and byte != 0x7f or byte == 0x0a for byte in text)


class HelpTest(CliTest):
    def test_no_control_bytes(self):
        for command in COMMANDS:
            if command == ["compile"] and not HAS_COMPILER:
                continue
            self.assertTrue(is_plain(self.run_ok(*command, "--help").stdout), command)

    @needs_compiler
    def test_of_compile_names_what_may_be_given(self):
        text = self.run_ok("compile", "--help").stdout.decode()
        for words in ("--profile guard|wasi", "--emit llvm-ir|asm|obj|so", "x86-64-v3", "--list-cpus"):
            self.assertIn(words, text)

    def test_help_is_a_command_too(self):
        self.assertEqual(self.run_ok("help").stdout, self.run_ok("--help").stdout)
        self.assertEqual(self.run_ok("help", "cache", "gc").stdout, self.run_ok("cache", "gc", "--help").stdout)


class SlipsTest(CliTest):
    def test_did_you_mean(self):
        for args, meant in SLIPS + (COMPILE_SLIPS if HAS_COMPILER else []):
            with self.subTest(args):
                done = run(*args)
                self.assert_error(done, f"did you mean '{meant}'?", "hint: see `guardc", code=2)
                self.assertTrue(is_plain(done.stderr), done.stderr)

    def test_nothing_is_near(self):
        for args in (["frobnicate"], ["cache", "frobnicate"], ["cache", "ls", "--frobnicate"]):
            self.assertNotIn(b"did you mean", run(*args).stderr)

    @needs_compiler
    def test_errors_of_enumerations_are_whole(self):
        self.assert_error(run("compile", "--profile", "x", "x.wasm"), "expected one of guard, wasi", code=2)
        self.assert_error(run("compile", "--emit", "x", "-o", "x", "x.wasm"), "expected one of llvm-ir, asm, obj, so",
                          code=2)

    def test_arguments_that_are_no_text(self):
        done = run("ca\x1b[31mll\n", "\x07")
        self.assertEqual(done.returncode, 2)
        self.assertTrue(is_plain(done.stderr), done.stderr)

    def test_the_guests_own_options_are_its_own(self):
        # Without the file nothing runs; what matters is that no option of the guest's is called wrong.
        done = run("exec", "/nowhere.wasm", "--jsno", "--invok")
        self.assert_error(done, "cannot open /nowhere.wasm")

    @needs_compiler
    def test_cpu_names(self):
        guard = self.wasm(ECHO_GUARD)
        done = run("compile", guard, "--cpu", "x86_64-v3", "--target", "x86_64-linux-gnu", "--cache-dir", self.cache)
        self.assert_error(done, "did you mean 'x86-64-v3'?", "--list-cpus")
        names = self.run_ok("compile", "--list-cpus", "--target", "x86_64-linux-gnu").stdout.decode().split()
        self.assertEqual(names[:2], ["baseline", "native"])
        self.assertIn("x86-64-v4", names)
        self.assertNotIn("pentium4", names)  # below what code needs
        arm = self.run_ok("compile", "--list-cpus", "--target", "aarch64-linux-gnu").stdout.decode().split()
        self.assertIn("neoverse-n1", arm)
        for name in ("x86-64-v2", "x86-64-v4"):
            self.compile(guard, "--cpu", name, "--target", "x86_64-linux-gnu")


class VersionTest(CliTest):
    @needs_compiler
    def test_json(self):
        version = json.loads(self.run_ok("--version", "--json").stdout)
        self.assertEqual(f"guardc {version['version']}\n", self.run_ok("--version").stdout.decode())
        self.assertRegex(version["llvm"], r"^\d+\.\d+\.\d+$")
        self.assertIsInstance(version["abi"], int)
        self.assertIn("x86_64-unknown-linux-gnu", version["targets"])
        for feature in ("simd", "tail-call", "memory64"):
            self.assertIn(feature, version["features"])
        for level in version["cpu_levels"]:
            self.assertEqual(level["runs_here"], set(level["features"]) <= set(version["cpu_features"]))
        self.assertEqual(version["compiler"]["version"], version["version"])

    def test_json_without_compiler(self):
        lonely = shutil.copy(GUARDC, self.dir / "guardc")
        done = subprocess.run([lonely, "--version", "--json"], capture_output=True, check=True)
        version = json.loads(done.stdout)
        self.assertIsNone(version["llvm"])
        self.assertEqual(version["compiler"]["error"]["kind"], "unsupported")

    def test_json_alone(self):
        self.assert_error(run("--json"), "--json requires --version", code=2)


# Label functions and _start: what Go makes of a guard that it is not told to make a library of.
COMMAND_GUARD = ECHO_GUARD.rstrip()[:-1] + '(func (export "_start")))'
LIBRARY_GUARD = ECHO_GUARD.rstrip()[:-1] + '''
  (func (export "_initialize"))
  (func (export "alloc") (param i32) (result i32) (i32.const 1024)) (func (export "dealloc") (param i32 i32)))'''
LARGE_GUARD = LIBRARY_GUARD.replace('(memory (export "memory") 2)', '(memory (export "memory") 600)')


@needs_compiler
class WarningsTest(CliTest):
    """What is told of a guard when it is compiled or looked at, and not by each process that asks it."""

    def told(self, wat, *words):
        guard = self.wasm(wat)
        done = self.run_ok("compile", guard, "--cache-dir", self.cache, "--json")
        lines = [line for line in done.stderr.decode().splitlines() if not line.startswith("compiling ")]
        warnings = json.loads(done.stdout)["guards"][0]["warnings"]
        self.assertEqual(lines, [f"warning: {guard}: {warning}" for warning in warnings])
        self.assertEqual(len(warnings), len(words), warnings)
        for warning, word in zip(warnings, words):
            self.assertIn(word, warning)
        for cache in (self.cache, self.dir / "none"):  # compiled, and not
            inspected = run("inspect", guard, "--cache-dir", cache, "--json")
            self.assertEqual(json.loads(inspected.stdout)["warnings"], warnings)
            text = self.run_ok("inspect", guard, "--cache-dir", cache).stdout.decode()
            self.assertEqual(text.count("\nwarning "), len(warnings))
        return guard

    def test_nothing_to_tell(self):
        self.told(LIBRARY_GUARD)

    def test_no_allocator(self):
        guard = self.told(ECHO_GUARD, "does not export both alloc and dealloc")
        called = self.run_ok("call", guard, "label_resource", "--input", self.json_file("in.json", {}), "--cache-dir",
                             self.cache, "--raw", env={"GUARDC_LOG": "warn"})
        self.assertEqual(called.stderr, b"")

    def test_command_with_label_functions(self):
        self.told(COMMAND_GUARD, "-buildmode=c-shared", "both alloc and dealloc")

    def test_memory_above_the_default_cap(self):
        guard = self.told(LARGE_GUARD, "600 pages")
        call = ("call", guard, "label_resource", "--input", self.json_file("in.json", {}), "--cache-dir", self.cache)
        self.assert_error(run(*call), "600 pages together, limit 512", "--memory-cap")
        error = json.loads(run(*call, "--json").stdout)["error"]
        self.assertEqual((error["kind"], error["limit"], error["needed_size"]), ("limit", 512, 600))
        self.run_ok(*call, "--raw", "--memory-cap", "600")
        decide = ("decide", guard, "--tool", "t", "--result", self.json_file("r.json", []), "--cache-dir", self.cache)
        self.assertIn(b"--memory-cap", run(*decide).stderr)
        with_cap = run(*decide, "--memory-cap", "600").stderr
        self.assertNotIn(b"memory minimum", with_cap)
        self.assertNotIn(b"pages together", with_cap)

    def test_profile_wasi_is_no_guard(self):
        self.assertEqual(self.compile(self.wasm(ECHO_GUARD), "--profile", "wasi")["warnings"], [])


@needs_compiler
class ToldOnceTest(CliTest):
    """guardc decide tells an error once, and of what it is."""

    def test_not_cached(self):
        guard = self.wasm(ECHO_GUARD)
        decide = ("decide", guard, "--tool", "t", "--result", self.json_file("r.json", {}), "--cache-dir", self.cache)
        done = run(*decide)
        text = (done.stdout + done.stderr).decode()
        self.assertEqual(text.count("no artifact"), 1, text)
        self.assertEqual(text.count("guardc compile"), 1, text)
        self.assertIn(f"error: there is no artifact for '{guard}' in '{self.cache}'\n", text)
        self.assertIn(f"hint: run `guardc compile --cache-dir '{self.cache}' '{guard}'` first", text)
        error = json.loads(run(*decide, "--json").stdout)["error"]
        self.assertEqual(error["kind"], "not_cached")
        self.assertIn(str(guard), error["hint"])

    def test_not_cached_of_many_cases(self):
        guard = self.wasm(ECHO_GUARD)
        cases = self.write("cases.jsonl", '{"tool":"a"}\n{"tool":"b"}\n' * 300)
        done = run("decide", guard, "--cases", cases, "--cache-dir", self.cache)
        self.assertEqual(len(done.stdout.splitlines()), 600)
        self.assertEqual(done.stderr.decode().count(f"there is no artifact for '{guard}'"), 1)

    def test_other_errors(self):
        self.assert_told_once("cannot open", run("decide", "/nowhere.wasm", "--tool", "t"))
        self.assert_told_once("no answer for the tool", run("decide", "noop", "--tool", "t"))

    def assert_told_once(self, words, done):
        self.assertEqual((done.stdout + done.stderr).decode().count(words), 1)


def shell(name):
    return unittest.skipUnless(shutil.which(name), f"there is no {name}")


class CompletionsTest(CliTest):
    def script(self, name):
        return self.write(f"guardc.{name}", self.run_ok("completions", name).stdout)

    def bash(self, line):
        """What bash would offer for the last word of the line."""
        words = re.findall(r"=|[^ =]+", line) + ([""] if line.endswith((" ", "=")) else [])
        script = (f'source {self.script("bash")}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _guardc; '
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        done = subprocess.run(["bash", "-c", script, "bash", *words], capture_output=True, text=True, check=True,
                              cwd=self.dir)
        self.assertEqual(done.stderr, "")
        return set(done.stdout.split())

    @shell("bash")
    def test_bash(self):
        self.write("a guard.wasm", b"")
        self.assertEqual(self.bash("guardc ca"), {"call", "cache"})
        self.assertEqual(self.bash("guardc cache "), {"ls", "verify", "gc", "rm", "path"})
        self.assertEqual(self.bash("guardc cache gc --max"), {"--max-age", "--max-size"})
        self.assertEqual(self.bash("guardc compile --profile "), {"guard", "wasi"})
        self.assertEqual(self.bash("guardc compile --emit=o"), {"obj"})
        self.assertIn("x86-64-v3", self.bash("guardc compile --cpu x86"))
        self.assertEqual(self.bash("guardc call --timeout 5s x.wasm label_a"), {"label_agent"})
        self.assertEqual(self.bash("guardc decide n"), {"noop"})
        self.assertIn("guard.wasm", self.bash("guardc verify "))
        self.assertEqual(self.bash("guardc completions "), {"bash", "zsh", "fish"})

    @shell("zsh")
    def test_zsh(self):
        subprocess.run(["zsh", "-n", self.script("zsh")], check=True)
        # As somebody would type it: what the line is after a tab.
        directory = self.dir / "functions"
        directory.mkdir()
        shutil.copy(self.script("zsh"), directory / "_guardc")
        setup = f"fpath=({directory} $fpath); autoload -U compinit; compinit -u -d {self.dir}/dump; bindkey '^I' complete-word"
        tester = ("zmodload zsh/zpty; zpty z zsh -f -i; zpty -w z \"PS1=; unsetopt zle_bracketed_paste; $1\"; zpty -w z 'print READ''Y'; "
                  "zpty -r z l '*READY*'; zpty -w -n z $2$'\\t'; zpty -r z l \"*$3*\" && print FOUND")
        for line, word in (("guardc comple", "completions"), ("guardc compile --profile w", "wasi"),
                           ("guardc cache p", "path")):
            done = subprocess.run(["zsh", "-fc", tester, "zsh", setup, line, word], capture_output=True, text=True,
                                  timeout=60)
            self.assertIn("FOUND", done.stdout, (line, done.stderr))

    @shell("fish")
    def test_fish(self):
        script = self.script("fish")

        def offered(line):
            done = subprocess.run(["fish", "--no-config", "-c", f"source {script}; complete -C '{line}'"],
                                  capture_output=True, text=True, check=True, cwd=self.dir, env={"HOME": str(self.dir),
                                                                                                 "PATH": "/usr/bin:/bin"})
            self.assertEqual(done.stderr, "")
            return {each.split("\t")[0] for each in done.stdout.splitlines()}

        self.assertEqual(offered("guardc ca"), {"call", "cache"})
        self.assertEqual(offered("guardc cache "), {"ls", "verify", "gc", "rm", "path"})
        self.assertEqual(offered("guardc compile --profile "), {"guard", "wasi"})
        self.assertIn("label_agent", offered("guardc call x.wasm label_a"))

    def test_every_command_is_in_every_script(self):
        for name in ("bash", "zsh", "fish"):
            script = self.run_ok("completions", name).stdout.decode()
            for command in COMMANDS:
                self.assertIn(" ".join(command[-1:]), script)
            self.assertNotIn("attended", script)  # for programs only


class ManTest(CliTest):
    def pages(self):
        for command in [command for command in COMMANDS if len(command) < 2]:
            yield command, self.run_ok("man", *command).stdout

    def test_every_option_of_help(self):
        for command, page in self.pages():
            if command == ["compile"] and not HAS_COMPILER:
                continue
            text = page.decode().replace("\\-", "-")
            for option in re.findall(r"^  (?:-\w,)?(--[\w-]+)", self.run_ok(*command, "--help").stdout.decode(), re.M):
                if option != "--without-wabt-validation":
                    self.assertIn(option, text, command)

    @shell("groff")
    def test_groff_warns_of_nothing(self):
        for command, page in self.pages():
            done = subprocess.run(["groff", "-man", "-ww", "-z"], input=page, capture_output=True, check=True)
            self.assertEqual(done.stderr, b"", command)

    @shell("mandoc")
    def test_mandoc_warns_of_nothing(self):
        for command, page in self.pages():
            done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning"], input=page, capture_output=True)
            complaints = [line for line in done.stdout.splitlines() if b"missing date" not in line]
            self.assertEqual(complaints, [], command)


if __name__ == "__main__":
    unittest.main()

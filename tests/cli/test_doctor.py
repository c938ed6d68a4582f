"""guardc doctor: in a place where all is well, and in places where something is missing."""

import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import unittest

import refusing
from support import BIN, ECHO_GUARD, GUARDC, HAS_COMPILER, CliTest, needs_compiler, run

SANITIZED = bool(os.environ.get("GUARDC_SANITIZE"))


class Doctor(CliTest):
    def doctor(self, *args, code=0, **more):
        """The checks by name, each with its status."""
        done = run("doctor", "--cache-dir", self.cache, "--json", *args, **more)
        return self.checks(done, code)

    def checks(self, done, code):
        self.assertEqual(done.returncode, code, done.stdout.decode() + done.stderr.decode())
        answer = json.loads(done.stdout)
        self.assertEqual(answer["ok"], code == 0)
        for check in answer["checks"]:
            if check["status"] == "fail":  # says what, and what to do
                self.assertTrue(check["would_fail"], check)
        return {check["check"]: check for check in answer["checks"]}

    def limited(self, limit, value):
        """Runs the rest of the test's processes under this limit; soft, and of the child alone."""
        return {"preexec_fn": lambda: resource.setrlimit(limit, (value, value))}


class DoctorTest(Doctor):
    @needs_compiler
    def test_all_is_well(self):
        checks = self.doctor()
        for name in ("CPU", "/proc", "address space", "memory files", "deadlines", "traps", "threads", "cache", "compiler",
                     "a trial"):
            self.assertEqual(checks[name]["status"], "ok", checks[name])
        self.assertFalse(self.cache.exists())  # it is asked, not made
        text = self.run_ok("doctor", "--cache-dir", self.cache).stdout.decode()
        self.assertNotIn("\x1b", text)
        self.assertRegex(text, r"(?m)^ok +/proc +mounted$")

    @unittest.skipIf(SANITIZED, "a sanitizer needs more address space than that")
    def test_little_address_space(self):
        checks = self.doctor(code=1, **self.limited(resource.RLIMIT_AS, 4_000_000 * 1024))
        self.assertEqual(checks["address space"]["status"], "fail")
        self.assertIn("--bounds-checks", checks["address space"]["mend"])
        self.assertIn("RLIMIT_AS", checks["address space"]["found"])
        if HAS_COMPILER:
            self.assertEqual(checks["a trial"]["status"], "fail")
            self.assertIn("creating an instance", checks["a trial"]["found"])

    def test_no_signal_may_wait(self):
        # A guard that loops is stopped all the same, as the trial shows.
        checks = self.doctor(**self.limited(resource.RLIMIT_SIGPENDING, 0))
        self.assertEqual(checks["deadlines"]["status"], "ok")
        self.assertIn("RLIMIT_SIGPENDING 0", checks["deadlines"]["found"])
        self.assertIn("SIGFPE", checks["deadlines"]["found"])
        if HAS_COMPILER:
            self.assertEqual(checks["a trial"]["status"], "ok")

    @unittest.skipIf(refusing.NUMBERS is None, "the numbers of this machine's system calls are not known")
    def test_no_signal_may_be_sent(self):
        checks = self.doctor(code=1, preexec_fn=refusing.refusing(refusing.NO_SIGNALS))
        self.assertEqual(checks["deadlines"]["status"], "fail")
        self.assertIn("tgkill", checks["deadlines"]["mend"])

    def test_small_files(self):
        checks = self.doctor(code=1, **self.limited(resource.RLIMIT_FSIZE, 100 * 1024))
        self.assertEqual(checks["file size"]["status"], "fail")

    def test_few_descriptors(self):
        self.assertEqual(self.doctor(**self.limited(resource.RLIMIT_NOFILE, 40))["descriptors"]["status"], "warn")

    def test_no_cache_directory_can_be_told(self):
        done = run("doctor", "--json", env={"HOME": "", "XDG_CACHE_HOME": ""})
        checks = self.checks(done, 1)
        self.assertIn("GUARDC_CACHE_DIR", checks["cache"]["mend"])

    def test_cache_that_others_may_write(self):
        self.cache.mkdir()
        self.cache.chmod(0o777)
        checks = self.doctor(code=1)
        self.assertIn("may be written by others", checks["cache"]["found"])

    @unittest.skipUnless(os.geteuid() == 0, "only root can give a directory away")
    def test_cache_of_another_owner(self):
        self.cache.mkdir()
        os.chown(self.cache, 12345, 12345)
        checks = self.doctor(code=1)
        self.assertEqual(checks["cache"]["status"], "fail")
        self.assertIn("belongs to user 12345", checks["cache"]["found"])
        self.assertIn("--cache-dir", checks["cache"]["mend"])

    @unittest.skipIf(os.geteuid() == 0 and not shutil.which("setpriv"), "nothing takes root's rights away")
    def test_cache_that_cannot_be_made(self):
        os.chmod(self.dir, 0o755)
        command = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"] if os.geteuid() == 0 else []
        done = subprocess.run([*command, GUARDC, "doctor", "--json", "--cache-dir", "/nowhere/cache"],
                              capture_output=True)
        if b"failed to execute" in done.stderr:
            self.skipTest("another user cannot reach the build")
        self.assertIn("cannot be written", self.checks(done, 1)["cache"]["found"])

    def test_a_cache_that_is_a_file(self):
        self.write("cache", b"")
        self.assertEqual(self.doctor(code=1)["cache"]["status"], "fail")

    @needs_compiler
    def test_artifacts_that_do_not_fit(self):
        guard = self.wasm(ECHO_GUARD)
        foreign = "aarch64-linux-gnu" if os.uname().machine == "x86_64" else "x86_64-linux-gnu"
        self.compile(guard)
        self.compile(guard, "--target", foreign)
        checks = self.doctor()
        self.assertEqual(checks["artifacts"]["status"], "warn")
        self.assertIn("2 artifacts, of which 1 not for this machine and version, 0 damaged", checks["artifacts"]["found"])

    @needs_compiler
    def test_a_guard(self):
        guard = self.wasm(ECHO_GUARD)
        finding = self.doctor(guard, code=1)["the guard"]
        self.assertIn("there is no artifact", finding["found"])
        self.assertIn(f"guardc compile --cache-dir '{self.cache}' '{guard}'", finding["mend"])
        self.compile(guard)
        self.assertEqual(self.doctor(guard)["the guard"]["status"], "ok")
        self.assertEqual(self.doctor(self.compile(guard)["path"])["a trial"]["status"], "ok")

    def seen_by_a_copy(self, path):
        """The checks of a `guardc` with nothing beside it, and this PATH."""
        alone = self.dir / "alone" / "bin" / "guardc"
        alone.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(GUARDC, alone)
        env = {k: v for k, v in os.environ.items() if k != "GUARDC_COMPILER"} | {"PATH": path}
        done = subprocess.run([alone, "doctor", "--json", "--cache-dir", self.cache], env=env, cwd=BIN, capture_output=True)
        return self.checks(done, 0)  # what labels needs no compiler

    @needs_compiler
    def test_a_compiler_in_path(self):
        self.assertIn(f"{BIN}/guardc-compiler", self.seen_by_a_copy(f"/nowhere:{BIN}")["compiler"]["found"])

    def test_no_compiler(self):
        for path in ("", "/nowhere", ".", ":"):  # only directories from the root count
            checks = self.seen_by_a_copy(path)
            self.assertEqual(checks["compiler"]["status"], "warn", checks["compiler"])
            self.assertEqual(checks["compiler"]["found"].count("guardc/guardc-compiler"), 1, checks["compiler"])
            self.assertIn("or in PATH", checks["compiler"]["found"])
            self.assertEqual(checks["a trial"]["status"], "warn")

    def test_compiler_that_is_none(self):
        fake = self.write("guardc-compiler", "#!/bin/sh\necho '{\"version\": \"0.0.1\", \"abi\": 1, \"llvm\": \"1\"}'\n")
        fake.chmod(0o755)
        checks = self.doctor(code=1, env={"GUARDC_COMPILER": str(fake)})
        self.assertIn("version 0.0.1", checks["compiler"]["found"])
        fake.write_text("#!/bin/sh\necho broken >&2; exit 127\n")
        self.assertIn("broken", self.doctor(code=1, env={"GUARDC_COMPILER": str(fake)})["compiler"]["found"])


@unittest.skipIf(SANITIZED, "a sanitizer needs /proc")
@unittest.skipUnless(os.geteuid() == 0 and shutil.which("unshare"), "only root can change its root")
class ChrootTest(Doctor):
    """A root with nothing but the executables and their libraries."""

    def setUp(self):
        super().setUp()
        self.root = self.dir / "root"
        for name in ("guardc", *(["guardc-compiler"] if HAS_COMPILER else [])):
            self.put(BIN / name, pathlib.Path("bin") / name)
            libraries = subprocess.run(["ldd", BIN / name], capture_output=True, text=True, check=True).stdout
            for library in re.findall(r"(/\S+) \(0x", libraries):
                self.put(pathlib.Path(library).resolve(), pathlib.Path(library).relative_to("/"))
        (self.root / "tmp").mkdir()
        (self.root / "proc").mkdir()
        (self.root / "dev").mkdir()
        (self.root / "dev/null").touch()
        (self.root / "dev/stdin").symlink_to("/proc/self/fd/0")

    def put(self, source, place):
        target = self.root / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            return
        try:
            os.link(source, target)
        except OSError:
            shutil.copy(source, target)

    def in_root(self, before, code):
        script = f'{before} exec chroot "$0" /bin/guardc doctor --json --cache-dir /cache'
        done = subprocess.run(["unshare", "--mount", "sh", "-c", script, self.root], capture_output=True, timeout=300,
                              env={})
        if b"unshare" in done.stderr or b"mount" in done.stderr:
            self.skipTest(done.stderr.decode())
        return self.checks(done, code)

    DEV = 'mount --bind /dev/null "$0/dev/null" &&'
    PROC = 'mount -t proc proc "$0/proc" &&'

    def test_without_proc(self):
        checks = self.in_root(self.DEV, 1)
        self.assertEqual(checks["/proc"]["status"], "fail")
        self.assertIn("mount -t proc", checks["/proc"]["mend"])
        for name in ("address space", "memory files", "deadlines", "cache"):
            self.assertEqual(checks[name]["status"], "ok", checks[name])

    def test_with_proc(self):
        checks = self.in_root(self.DEV + self.PROC, 0)
        for name in ("/proc", "/dev", "cache", *(["compiler", "a trial"] if HAS_COMPILER else [])):
            self.assertEqual(checks[name]["status"], "ok", checks[name])

    def test_without_dev(self):
        shutil.rmtree(self.root / "dev")
        checks = self.in_root(self.PROC, 1)
        self.assertEqual(checks["/dev"]["status"], "fail")


if __name__ == "__main__":
    unittest.main()

"""The cache on file systems as containers have them: on an overlay, whose lower layer is an image's."""

import ctypes
import json
import os
import pathlib
import subprocess
import threading
import unittest

from support import AGENT_ANSWER, BROKEN_GUARD, ECHO_GUARD, CliTest, needs_compiler, run

CLONE_NEWNS = 0x20000


@needs_compiler
class OverlayTest(CliTest):
    """Overlayfs renames no directory that lies in a lower layer."""

    def setUp(self):
        super().setUp()
        # This process moves into a mount namespace of its own, and nobody else sees what is mounted here.
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
            self.skipTest(f"no mount namespace: {os.strerror(ctypes.get_errno())}")
        self.mount("--make-rprivate", "/")
        self.layers = self.dir / "layers"
        self.layers.mkdir()
        self.mount("-t", "tmpfs", "none", self.layers)
        for name in ("lower", "upper", "work"):
            (self.layers / name).mkdir()
        self.cache.mkdir()

    def mount(self, *args):
        done = subprocess.run(["mount", *map(str, args)], capture_output=True)
        if done.returncode != 0:
            self.skipTest(f"cannot mount: {done.stderr.decode().strip()}")
        if pathlib.Path(args[-1]) != pathlib.Path("/"):
            self.addCleanup(subprocess.run, ["umount", "-l", args[-1]], check=True)

    def image(self, *guards):
        """Compiles into what becomes the lower layer; then the cache is an overlay on it."""
        made = []
        for guard in guards:
            done = self.run_ok("compile", guard, "--cache-dir", self.layers / "lower", "--json")
            made.append(json.loads(done.stdout)["guards"][0])
        self.mount("-t", "overlay", "overlay", "-o",
                   f"lowerdir={self.layers}/lower,upperdir={self.layers}/upper,workdir={self.layers}/work", self.cache)
        entries = [self.cache / pathlib.Path(m["path"]).relative_to(self.layers / "lower") for m in made]
        with self.assertRaises(OSError, msg="this overlay renames; the test shows nothing"):
            os.rename(entries[0], str(entries[0]) + "-away")
        return entries

    def assert_only_the_entry(self, entry):
        self.assertEqual([p.name for p in entry.parent.iterdir()], [entry.name])
        self.run_ok("verify", entry, "--cache-dir", self.cache)

    def test_force_replaces_an_entry_of_the_image(self):
        guard = self.wasm(ECHO_GUARD)
        [entry] = self.image(guard)
        before = os.stat(entry / "guard.so").st_ino
        for _ in range(2):  # the second finds an entry of the upper layer
            self.assertFalse(self.compile(guard, "--force")["cached"])
            self.assertNotEqual(os.stat(entry / "guard.so").st_ino, before)
            self.assert_only_the_entry(entry)

    def test_call_heals_a_damaged_entry_of_the_image(self):
        guard = self.wasm(ECHO_GUARD)
        [entry] = self.image(guard)
        os.truncate(entry / "guard.so", 100)
        done = self.run_ok("call", guard, "label_agent", "--compile", "--input", self.json_file("in.json", {}),
                           "--cache-dir", self.cache)
        self.assertEqual(done.stdout, AGENT_ANSWER.encode())
        self.assert_only_the_entry(entry)

    def test_gc_collects_entries_of_the_image(self):
        entries = self.image(self.wasm(ECHO_GUARD), self.wasm(BROKEN_GUARD, "b.wasm"))
        report = json.loads(self.run_ok("cache", "gc", "--max-size", "0", "--cache-dir", self.cache, "--json").stdout)
        self.assertEqual(sorted(report["removed"]), sorted(map(str, entries)))
        self.assertEqual((report["failed"], report["kept_size"]), ([], 0))
        self.assertFalse(any(entry.exists() for entry in entries))

    def test_readers_beside_a_replacement_find_an_entry_or_none(self):
        guard, request = self.wasm(ECHO_GUARD), self.json_file("in.json", {})
        self.image(guard)
        stop, outcomes = threading.Event(), []

        def read():
            while not stop.is_set():
                outcomes.append(run("call", guard, "label_agent", "--input", request, "--json", "--cache-dir", self.cache))

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        self.compile(guard, "--force")
        stop.set()
        for reader in readers:
            reader.join()
        self.assertTrue(outcomes)
        for done in outcomes:
            if done.returncode != 0:
                self.assertRegex(done.stdout + done.stderr, b"not_cached|manifest.json is missing")


@needs_compiler
class OwnerTest(CliTest):
    """Who else could have written what is loaded."""

    def test_the_hint_fits_a_cache_of_another_user(self):
        if os.geteuid() != 0:
            self.skipTest("only root can give files away")
        guard = self.wasm(ECHO_GUARD)
        self.compile(guard)
        os.chown(self.cache, 12345, 12345)
        done = run("verify", guard, "--cache-dir", self.cache)
        self.assert_error(done, "belongs to user 12345", "hint: use a cache directory that belongs to you")
        self.assertNotIn(b"chmod", done.stderr)

    def test_an_entry_by_path_below_what_all_may_write(self):
        entry = pathlib.Path(self.compile(self.wasm(ECHO_GUARD))["path"])
        for parent in (entry.parent, self.dir / "open"):
            moved = parent / "entry"
            parent.mkdir(exist_ok=True)
            entry.rename(moved)
            parent.chmod(0o777)
            self.assert_error(run("verify", moved, "--cache-dir", self.cache), "may be written by everybody")
            parent.chmod(0o1777)
            self.run_ok("verify", moved, "--cache-dir", self.cache)
            parent.chmod(0o755)
            moved.rename(entry)


@needs_compiler
class StubbornEntryTest(CliTest):
    """An entry that cannot be removed."""

    def test_gc_goes_on_and_tells_what_stayed(self):
        made = [self.compile(self.wasm(ECHO_GUARD)), self.compile(self.wasm(BROKEN_GUARD, "b.wasm"))]
        stays, goes = sorted(pathlib.Path(m["path"]) for m in made)
        # Where its lock should be lies a directory: it can be taken by nobody, root included.
        (self.cache / "v1/lock" / stays.name).mkdir(parents=True)
        done = run("cache", "gc", "--max-size", "0", "--cache-dir", self.cache, "--json")
        report = json.loads(done.stdout)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(report["removed"], [str(goes)])
        self.assertEqual([(f["path"], f["error"]["kind"]) for f in report["failed"]], [(str(stays), "io")])
        self.assertGreater(report["kept_size"], 0)
        text = run("cache", "gc", "--max-size", "0", "--cache-dir", self.cache)
        self.assertEqual(text.returncode, 1)
        self.assertIn(f"failed, kept {stays}", text.stdout.decode())
        self.assertIn(b"error: ", text.stderr)


@needs_compiler
class UnlistableTest(CliTest):
    """A directory of the cache that cannot be listed, by root neither: it is none."""

    def test_gc_goes_on_and_tells_what_it_could_not_see(self):
        made = [self.compile(self.wasm(ECHO_GUARD)), self.compile(self.wasm(BROKEN_GUARD, "b.wasm"))]
        prefixes = {pathlib.Path(m["path"]).parents[1].name for m in made}
        before, after = [self.cache / "v1" / next(p for p in candidates if p not in prefixes)
                         for candidates in (("00", "01", "02"), ("fd", "fe", "ff"))]
        module = pathlib.Path(made[0]["path"]).parents[1] / ("0" * 64)
        for path in (before, after, module):
            path.touch()
        for more in ((), ("--dry-run",)):
            done = run("cache", "gc", "--max-size", "0", "--cache-dir", self.cache, "--json", *more)
            report = json.loads(done.stdout)
            self.assertEqual(done.returncode, 1)
            self.assertEqual(sorted(f["path"] for f in report["failed"]), sorted(map(str, (before, module, after))))
            for failure in report["failed"]:
                self.assertIn("Not a directory", failure["error"]["message"])
            self.assertEqual(sorted(report["removed"]), [] if more else sorted(m["path"] for m in made))
        self.assertFalse(any(pathlib.Path(m["path"]).exists() for m in made))
        text = run("cache", "gc", "--leftovers", "--cache-dir", self.cache)
        self.assertEqual(text.returncode, 1)
        self.assertIn(f"failed, kept {before}", text.stdout.decode())

    def test_as_another_user(self):
        if os.geteuid() == 0:
            self.skipTest("root lists every directory")
        made = [self.compile(self.wasm(ECHO_GUARD)), self.compile(self.wasm(BROKEN_GUARD, "b.wasm"))]
        hidden = pathlib.Path(made[0]["path"]).parents[1]
        hidden.chmod(0)
        self.addCleanup(hidden.chmod, 0o755)
        done = run("cache", "gc", "--max-size", "0", "--cache-dir", self.cache, "--json")
        report = json.loads(done.stdout)
        self.assertEqual([f["path"] for f in report["failed"]], [str(hidden)])
        self.assertEqual(report["removed"], [made[1]["path"]])


class TrustedGroupTest(CliTest):
    """A cache as OpenShift gives it: any user's, writable by a group that is trusted."""

    GROUP = 54321

    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("only root gives files to other users and groups")
        self.guard = self.wasm(ECHO_GUARD)
        self.made = self.compile(self.guard)
        self.entry = pathlib.Path(self.made["path"])
        for path in [self.cache, *self.cache.rglob("*")]:
            os.chown(path, 12345, self.GROUP)
            os.chmod(path, 0o775 if path.is_dir() else 0o664)

    def call(self, *options, **more):
        return run("call", self.guard, "label_agent", "--raw", "--input", self.json_file("in.json", {}), "--cache-dir",
                   self.cache, *options, **more)

    def test_is_refused_unless_it_is_named(self):
        self.assert_error(self.call(), "belongs to user 12345")
        self.assert_error(self.call("--trusted-group", "54320"), "belongs to user 12345")
        self.assertEqual(self.call("--trusted-group", self.GROUP).stdout, AGENT_ANSWER.encode())
        self.assertEqual(self.call(env={"GUARDC_TRUSTED_GROUP": str(self.GROUP)}).stdout, AGENT_ANSWER.encode())

    def test_the_group_alone_is_named_in_the_error(self):
        for path in [self.cache, *self.cache.rglob("*")]:
            os.chown(path, 0, -1)
        self.assert_error(self.call(), "--trusted-group", str(self.GROUP))

    def test_others_may_still_not_write(self):
        os.chmod(self.entry, 0o777)
        self.assert_error(self.call("--trusted-group", self.GROUP), "may be written by others")

    def test_what_is_written_is_the_groups(self):
        another = self.wasm(BROKEN_GUARD, "another.wasm")
        done = self.run_ok("compile", another, "--cache-dir", self.cache, "--json", "--trusted-group", self.GROUP)
        entry = pathlib.Path(json.loads(done.stdout)["guards"][0]["path"])
        for path in (entry.parent, entry, entry / "guard.so", entry / "manifest.json"):
            st = path.stat()
            self.assertEqual((st.st_gid, st.st_mode & 0o022), (self.GROUP, 0o020), path)

    def test_compile_on_a_miss_trusts_it_too(self):
        os.truncate(self.entry / "guard.so", 10)
        done = self.call("--compile", "--trusted-group", self.GROUP)
        self.assertEqual(done.stdout, AGENT_ANSWER.encode(), done.stderr)


if __name__ == "__main__":
    unittest.main()

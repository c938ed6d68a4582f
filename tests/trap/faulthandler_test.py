"""Python's faulthandler beside guests, in one process: enabled before, after, disabled, enabled again, between creation and
call. Guests trap and stop all the same, and a fault of the process's own is told once. Usage: faulthandler_test.py HOST.so
"""

import signal
import subprocess
import sys
import textwrap
import unittest

HOST = None

PRELUDE = """
    import ctypes, faulthandler, signal, sys
    host = ctypes.CDLL(sys.argv[1])
    def create():
        assert host.host_create() == 0
    def check():
        for _ in range(3):
            assert host.host_call(b"load", 16) == 0
            assert 1 <= host.host_call(b"load", 1 << 20) < 100
            assert 1 <= host.host_call(b"recurse", 0) < 100
            assert 1 <= host.host_run(b"unreachable", 10000) < 100
            assert host.host_run(b"spin", 2) == 100
"""


class FaulthandlerTest(unittest.TestCase):
    def run_script(self, script):
        code = textwrap.dedent(PRELUDE) + textwrap.dedent(script)
        return subprocess.run([sys.executable, "-c", code, HOST], capture_output=True, text=True, timeout=120)

    def works(self, script):
        done = self.run_script(script)
        self.assertEqual((done.returncode, done.stderr), (0, ""), script)

    def ends_by_fault(self, script, told):
        done = self.run_script(script + "\n    faulthandler._sigsegv()")
        self.assertEqual(done.returncode, -signal.SIGSEGV, done.stderr)
        self.assertEqual(done.stderr.count("Fatal Python error: Segmentation fault"), told, done.stderr)

    def test_before(self):
        self.works("faulthandler.enable(); create(); check()")
        self.ends_by_fault("    faulthandler.enable(); create(); check()", told=1)

    def test_after_the_first_calls(self):
        self.works("create(); check(); faulthandler.enable(); check()")
        self.ends_by_fault("    create(); check(); faulthandler.enable(); check()", told=1)

    def test_between_creation_and_call(self):
        self.works("create(); faulthandler.enable(); check()")
        self.ends_by_fault("    create(); faulthandler.enable(); check()", told=1)

    def test_disabled(self):
        self.works("faulthandler.enable(); create(); check(); faulthandler.disable(); check()")
        self.works("create(); faulthandler.enable(); check(); faulthandler.disable(); check()")
        self.ends_by_fault("    create(); faulthandler.enable(); check(); faulthandler.disable(); check()", told=0)

    def test_enabled_again(self):
        toggle = "create(); check()\n    for _ in range(30):\n        faulthandler.enable(); check(); faulthandler.disable(); check()"
        self.works(textwrap.dedent("    " + toggle))
        self.ends_by_fault("    " + toggle + "\n    faulthandler.enable(); check()", told=1)

    def test_enabled_and_no_call_since(self):
        self.ends_by_fault("    create(); check(); faulthandler.enable()", told=1)

    def test_reset_to_the_default(self):
        self.works("""
            create(); check()
            for number in (signal.SIGSEGV, signal.SIGILL, signal.SIGFPE, signal.SIGBUS):
                signal.signal(number, signal.SIG_DFL)
            import time; time.sleep(0.001)
            check()
        """)


if __name__ == "__main__":
    HOST = sys.argv.pop(1)
    unittest.main()

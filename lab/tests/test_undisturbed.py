import os
import signal
import threading

import pytest

from lab.undisturbed import undisturbed


def test_ctrl_c_does_not_reach_the_work() -> None:
    with undisturbed():
        os.kill(os.getpid(), signal.SIGINT)
        finished = True

    assert finished


def test_ctrl_c_works_again_afterwards() -> None:
    with undisturbed():
        pass

    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_a_thread_has_no_signals_to_ignore() -> None:
    seen = []

    def work() -> None:
        with undisturbed():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert seen == [signal.getsignal(signal.SIGINT)]

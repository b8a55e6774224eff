# SPDX-License-Identifier: GPL-2.0
"""Something that goes on while the test does something else."""

import threading


class Worker:
    """A context manager, whose steps() run in a thread of their own until stopping is set. What
    they raise is kept as error, for who asks."""

    def __init__(self):
        self.error = None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.work)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.stop()

    def stop(self):
        self.stopping.set()
        self.thread.join()

    def work(self):
        try:
            self.steps()
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def steps(self):
        raise NotImplementedError


class Repeated(Worker):
    """Something that is done again and again meanwhile."""

    def __init__(self, act):
        super().__init__()
        self.act = act
        self.times = 0

    def steps(self):
        while not self.stopping.is_set():
            self.act()
            self.times += 1

    def __exit__(self, *error):
        super().__exit__(*error)
        if self.error:
            raise self.error
        assert self.times

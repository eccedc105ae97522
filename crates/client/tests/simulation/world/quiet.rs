//! Letting everything come to rest: an honest network, and time enough for what waits for a time.

use sprag_client::Input;

use super::World;
use crate::device::Link;

/// How long to wait for what an engine puts off, in seconds: a repair once an hour, and some.
const PATIENCE: u64 = 3 * 60 * 60;
/// How many times time may go on; beyond them somebody is busy for ever.
const MOST: usize = 2_000;

impl World {
    /// Everything that can happen now happens, and what is put off for up to three hours.
    pub(crate) fn settle(&mut self) {
        self.settle_for(PATIENCE);
    }

    pub(crate) fn settle_for(&mut self, patience: u64) {
        let until = self.now + patience;
        for _ in 0..MOST {
            self.drain();
            match self.next_wake() {
                Some(at) if at <= until => self.pass_time(at.max(self.now + 1) - self.now),
                _ => return,
            }
        }
        panic!("somebody is busy for ever");
    }

    /// So much time goes by, with all that happens in it.
    pub(crate) fn live_for(&mut self, seconds: u64) {
        let until = self.now + seconds;
        self.settle_for(seconds);
        self.pass_time(until - self.now);
        self.drain();
    }

    /// Everything that can happen now happens.
    pub(crate) fn drain(&mut self) {
        let mut left: usize = 1_000_000;
        loop {
            let mut moved = false;
            for index in 0..self.devices.len() {
                moved |= self.connect(index);
                moved |= self.step_fetched(index);
            }
            while self.step_call(0) {
                moved = true;
            }
            moved |= self.step_up(left);
            moved |= self.step_down(left);
            left -= 1;
            if !moved {
                return;
            }
            assert!(left > 0, "something goes on for ever");
        }
    }

    /// Records that were asked for come.
    pub(crate) fn step_fetched(&mut self, index: usize) -> bool {
        let Some(input) = self.devices[index].fetched.pop_front() else { return false };
        self.tell(index, input);
        true
    }

    fn next_wake(&self) -> Option<u64> {
        let live = self.devices.iter().filter(|device| !device.off);
        let times = live.filter_map(|device| {
            let at = device.wake_at?.seconds();
            Some(at.saturating_add_signed(-device.clock))
        });
        times.min()
    }

    /// Time goes on; whose time has come wakes.
    pub(crate) fn pass_time(&mut self, seconds: u64) {
        self.now += seconds;
        self.relay.pass_time(self.now);
        self.relay_speaks();
        for index in 0..self.devices.len() {
            let device = &self.devices[index];
            let now = device.now(self.now);
            if !device.off && device.wake_at.is_some_and(|at| at <= now) {
                self.tell(index, Input::Tick);
            }
        }
    }

    /// Whoever was ousted by a copy of itself connects again, as a person would let it.
    pub(crate) fn readmit(&mut self, index: usize) {
        if matches!(self.devices[index].link, Link::Ousted) {
            self.devices[index].link = Link::Down;
        }
    }
}

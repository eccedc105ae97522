//! Prekeys, and starting afresh where the state may be an older copy of itself.

use rand_core::CryptoRng;
use sprag_api::directory;
use sprag_protocol::{Left, LocalDevice};

use super::turn::{Pending, SWEEP, Turn, collection};
use super::{Engine, later};
use crate::effects::{Call, Notice};
use crate::input::{Answer, Failure};
use crate::record::Stage;

/// Nothing is due later than this, in seconds, unless the clock was far ahead when it was made.
const FAR_AHEAD: u64 = 14 * SWEEP;

/// The signed prekeys of a device, to be published.
pub(super) fn signed_prekeys(us: &LocalDevice) -> directory::PublishKeys {
    directory::PublishKeys {
        signed: Some(us.signed_prekey().to_bytes().into()),
        last_resort: Some(us.last_resort().to_bytes().into()),
        ..directory::PublishKeys::default()
    }
}

impl Engine {
    /// The relay has this device: it can send and receive.
    pub(super) fn registered<R: CryptoRng>(&mut self, turn: &mut Turn<'_, R>) {
        if self.stage == Stage::Registering {
            self.stage = Stage::Ready;
            self.prekeys_published = true;
            self.invitation = None;
            turn.device_changed = true;
        }
    }

    /// What time alone brings about.
    pub(super) fn keep_up<R: CryptoRng>(&mut self, turn: &mut Turn<'_, R>) {
        let now = turn.now;
        if let Some(us) = &mut self.us
            && (us.rotation_due() <= now || us.rotation_due() > later(now, FAR_AHEAD))
        {
            // With its ids used up, a device goes on with the prekeys that it has.
            let rotated = us.rotate(&mut turn.env()).unwrap_or(false);
            (turn.device_changed, turn.local_changed) = (true, true);
            if rotated {
                self.prekeys_published = false;
                self.publish_prekeys(turn);
            }
        }
        if self.live.look_at.is_some_and(|at| at <= now) {
            self.live.look_at = None;
        }
        if self.us.is_none() && self.linking.is_some() && self.live.look_at.is_none() {
            self.live.look_at = Some(later(now, 2));
            let own = self.name.clone();
            self.look_up(&own, turn);
        }
        if self.swept > now || later(self.swept, SWEEP) <= now {
            self.sweep(turn);
        }
    }

    /// Kept message keys and old marks go (M-RAT-8).
    fn sweep<R: CryptoRng>(&mut self, turn: &mut Turn<'_, R>) {
        (self.swept, turn.device_changed) = (turn.now, true);
        for ((name, device), peering) in &mut self.sessions {
            peering.sessions.expire(&mut turn.env());
            turn.sessions_changed(name, *device);
        }
        self.forget_seen(turn);
    }

    /// Publishes the signed prekeys, where the relay may not have them.
    pub(super) fn publish_prekeys<R: CryptoRng>(&mut self, turn: &mut Turn<'_, R>) {
        if self.prekeys_published || !self.live.online {
            return;
        }
        let Some(us) = &self.us else { return };
        self.live.uploads.push_back(signed_prekeys(us));
        self.publish_next(turn);
    }

    /// Publishes what is next, unless something is being published.
    fn publish_next<R: CryptoRng>(&mut self, turn: &mut Turn<'_, R>) {
        let under_way = |call: &Pending| matches!(call, Pending::Publish { .. });
        if self.is_pending(under_way) {
            return;
        }
        if let Some(keys) = self.live.uploads.pop_front() {
            let signed = keys.signed.is_some();
            self.call(Call::Publish(keys), Pending::Publish { signed }, turn);
        }
    }

    /// Asks how many one-time prekeys are left.
    pub(super) fn count_prekeys<R: CryptoRng>(&mut self, turn: &mut Turn<'_, R>) {
        let under_way = |call: &Pending| matches!(call, Pending::Count | Pending::Publish { .. });
        let quiet = self.live.uploads.is_empty() && !self.is_pending(under_way);
        if self.live.online && quiet {
            self.call(Call::CountKeys, Pending::Count, turn);
        }
    }

    pub(super) fn published<R: CryptoRng>(
        &mut self,
        signed: bool,
        result: &Result<Answer, Failure>,
        turn: &mut Turn<'_, R>,
    ) {
        // What did not arrive is published again on the next connection.
        if signed && result.is_ok() {
            self.prekeys_published = true;
            turn.device_changed = true;
        }
        if result.is_err() {
            // Those that follow would hide these from the relay.
            self.live.uploads.clear();
            self.live.publish_failed = true;
        }
        self.publish_next(turn);
        let under_way = |call: &Pending| matches!(call, Pending::Publish { .. });
        if self.is_pending(under_way) {
            return;
        }
        if self.restored && !self.live.publish_failed {
            self.restored = false;
            turn.device_changed = true;
        }
        if signed && result.is_ok() {
            self.count_prekeys(turn);
        }
    }

    /// Makes one-time prekeys where there are too few (M-PRE-4).
    pub(super) fn counted<R: CryptoRng>(
        &mut self,
        result: &Result<Answer, Failure>,
        turn: &mut Turn<'_, R>,
    ) {
        let Ok(Answer::Counts(counts)) = result else { return };
        let many = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        let left = Left { one_time: many(counts.one_time), kem: many(counts.one_time_kem) };
        let Some(us) = &mut self.us else { return };
        let Ok(upload) = us.replenish(left, &mut turn.env()) else { return };
        if !upload.one_time.is_empty() || !upload.kem.is_empty() {
            turn.local_changed = true;
            self.publish_one_time(&upload, turn);
        }
    }

    fn publish_one_time<R: CryptoRng>(
        &mut self,
        upload: &sprag_protocol::OneTimeUpload,
        turn: &mut Turn<'_, R>,
    ) {
        self.live.uploads.extend(Self::uploads(upload));
        self.publish_next(turn);
    }

    /// This state is, or may be, an older copy of itself. What it would encrypt with was perhaps used
    /// already, so all sessions end and all prekeys are replaced; numbers go on above the relay's mark.
    /// What is in the outbox was encrypted before and goes as it is: the relay knows whether it has it.
    pub(super) fn start_afresh<R: CryptoRng>(&mut self, mark: u64, turn: &mut Turn<'_, R>) {
        for peering in std::mem::take(&mut self.sessions).into_values() {
            turn.remove(collection("sessions").at(peering.position));
        }
        self.counter = self.counter.max(mark);
        // Until the relay has the new prekeys, and no others.
        self.restored = true;
        self.live.publish_failed = false;
        self.live.uploads.clear();
        self.prekeys_published = false;
        turn.local_changed = true;
        turn.device_changed = true;
        let Some(us) = &mut self.us else { return };
        let upload = us.start_afresh(&mut turn.env());
        self.publish_prekeys(turn);
        if let Ok(upload) = upload {
            self.publish_one_time(&upload, turn);
        }
        turn.notice(Notice::StartedAfresh);
    }

    /// The account has removed this device.
    pub(super) fn removed<R: CryptoRng>(&mut self, turn: &mut Turn<'_, R>) {
        if matches!(self.stage, Stage::Ready | Stage::Joining) {
            self.stage = Stage::Removed;
            self.disconnected();
            turn.device_changed = true;
            turn.notice(Notice::Removed);
        }
    }
}

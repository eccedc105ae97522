//! Other accounts, and the own one: keys pinned at first use, lists that only get newer.

use rand_core::CryptoRng;
use sprag_api::base64::Base64;
use sprag_api::directory::{Account, Claimed, ClaimedBundle};
use sprag_api::problem::Code;
use sprag_protocol::{
    AccountKey, AccountName, DeviceId, ListRefusal, PinnedAccount, PreKeyBundle, SignedDeviceList,
    Timestamp, VerifiedBundle,
};

use super::turn::{Asked, Pending, Turn, collection};
use super::{Engine, Peer, later};
use crate::effects::{Call, Lie, Notice, Refusal, Reply};
use crate::input::{Answer, Failure, Ticket};
use crate::record;
use crate::sorted::Set;

/// How long to wait, in seconds, before the relay is asked again after no answer.
const ASK_AGAIN: u64 = 5;
/// The same, where it gave an answer that helps nothing.
const LOST_CAUSE: u64 = 60;

/// What came of what the relay said about an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Learnt {
    /// It was taken, or was known.
    Fine,
    /// Another key: a person must decide.
    KeyChanged,
    /// It was not taken.
    Lie,
}

impl Engine {
    /// The account, known from now on.
    pub(super) fn meet<R: CryptoRng>(
        &mut self,
        name: &AccountName,
        turn: &mut Turn<'_, R>,
    ) -> &mut Peer {
        if !self.peers.contains_key(name) {
            turn.device_changed = true;
            turn.peer_changed(name);
            self.next.peer += 1;
        }
        let position = self.next.peer;
        self.peers.entry(name.clone()).or_insert_with(|| Peer::at(position))
    }

    pub(super) fn is_blocked(&self, name: &AccountName) -> bool {
        self.peers.get(name).is_some_and(|peer| peer.offered.is_some())
    }

    pub(super) fn pinned(&self, name: &AccountName) -> Option<&PinnedAccount> {
        self.peers.get(name)?.pinned.as_ref()
    }

    pub(super) fn is_paused(&self, name: &AccountName, now: Timestamp) -> bool {
        self.live.paused.get(name).is_some_and(|until| now < *until)
    }

    pub(super) fn pause<R>(&mut self, name: &AccountName, seconds: u64, turn: &Turn<'_, R>) {
        self.live.paused.insert(name.clone(), later(turn.now, seconds));
    }

    /// Asks the relay about an account, unless that is under way.
    pub(super) fn look_up<R: CryptoRng>(&mut self, name: &AccountName, turn: &mut Turn<'_, R>) {
        let under_way =
            |call: &Pending| matches!(call, Pending::Lookup { asked, .. } if asked.name == *name);
        if !self.is_pending(under_way) && !self.is_paused(name, turn.now) {
            let pending = Pending::Lookup { asked: self.asking(name), ticket: None };
            self.call(Call::Lookup(name.clone()), pending, turn);
        }
    }

    fn asking(&self, name: &AccountName) -> Asked {
        let version = self.version(name);
        Asked { name: name.clone(), delivered: self.live.delivered, version }
    }

    /// The relay has answered about an account.
    fn has_answered(&mut self, asked: &Asked) {
        let delivered = self.live.looked_up.entry(asked.name.clone()).or_default();
        *delivered = asked.delivered.max(*delivered);
    }

    pub(super) fn look_up_for<R: CryptoRng>(
        &mut self,
        name: AccountName,
        ticket: Ticket,
        turn: &mut Turn<'_, R>,
    ) {
        if !self.live.online {
            return turn.reply(ticket, Err(Refusal::Unreachable));
        }
        let pending = Pending::Lookup { asked: self.asking(&name), ticket: Some(ticket) };
        self.call(Call::Lookup(name), pending, turn);
    }

    /// Asks for bundles, unless that is under way.
    pub(super) fn claim<R: CryptoRng>(&mut self, name: &AccountName, turn: &mut Turn<'_, R>) {
        let under_way =
            |call: &Pending| matches!(call, Pending::Claim(asked) if asked.name == *name);
        if self.live.online && !self.is_pending(under_way) && !self.is_paused(name, turn.now) {
            self.call(Call::Claim(name.clone()), Pending::Claim(self.asking(name)), turn);
        }
    }

    pub(super) fn looked_up<R: CryptoRng>(
        &mut self,
        asked: &Asked,
        ticket: Option<Ticket>,
        result: Result<Answer, Failure>,
        turn: &mut Turn<'_, R>,
    ) {
        let reply = match result {
            Ok(Answer::Account(account)) => {
                self.has_answered(asked);
                if asked.name == self.name && self.us.is_none() {
                    return self.look_for_us(&account, turn);
                }
                self.learn_account(asked, &account, turn)
            }
            Ok(_) => Err(Refusal::RelayLies),
            Err(failure) => self.call_failed(asked, failure, turn),
        };
        if let Some(ticket) = ticket {
            turn.reply(ticket, reply);
        }
    }

    /// The relay refuses our login. It is believed only what a newer list of the account says.
    pub(super) fn login_refused<R: CryptoRng>(
        &mut self,
        account: &Account,
        turn: &mut Turn<'_, R>,
    ) {
        let asked = self.asking(&self.name);
        self.learn(&asked, &account.account_key, &account.device_list, turn);
    }

    fn learn_account<R: CryptoRng>(
        &mut self,
        asked: &Asked,
        account: &Account,
        turn: &mut Turn<'_, R>,
    ) -> Result<Reply, Refusal> {
        match self.learn(asked, &account.account_key, &account.device_list, turn) {
            Learnt::Fine => Ok(Reply::Done),
            Learnt::KeyChanged => Err(Refusal::KeyChanged),
            Learnt::Lie => Err(Refusal::RelayLies),
        }
    }

    fn call_failed<R: CryptoRng>(
        &mut self,
        asked: &Asked,
        failure: Failure,
        turn: &mut Turn<'_, R>,
    ) -> Result<Reply, Refusal> {
        let name = &asked.name;
        match failure {
            Failure::Unreachable => {
                self.pause(name, ASK_AGAIN, turn);
                Err(Refusal::Unreachable)
            }
            Failure::Problem(problem) if problem.code == Code::NotFound => {
                self.has_answered(asked);
                self.no_such_account(name, turn);
                Err(Refusal::NoSuchAccount)
            }
            Failure::Problem(problem) => {
                let seconds = problem.retry_after.map_or(LOST_CAUSE, u64::from);
                self.pause(name, seconds.max(1), turn);
                Err(Refusal::Refused(problem.code))
            }
        }
    }

    /// Bundles came: they serve what is sent in this turn.
    pub(super) fn claimed<R: CryptoRng>(
        &mut self,
        asked: &Asked,
        result: Result<Answer, Failure>,
        turn: &mut Turn<'_, R>,
    ) {
        let name = &asked.name;
        let claimed = match result {
            Ok(Answer::Claimed(claimed)) => claimed,
            Ok(_) => return self.pause(name, LOST_CAUSE, turn),
            Err(failure) => {
                let _answered_nobody = self.call_failed(asked, failure, turn);
                return;
            }
        };
        self.has_answered(asked);
        match self.learn(asked, &claimed.account_key, &claimed.device_list, turn) {
            Learnt::Fine => self.take_bundles(name, &claimed, turn),
            Learnt::KeyChanged => {}
            Learnt::Lie => self.pause(name, LOST_CAUSE, turn),
        }
    }

    fn take_bundles<R: CryptoRng>(
        &mut self,
        name: &AccountName,
        claimed: &Claimed,
        turn: &mut Turn<'_, R>,
    ) {
        let mut ready = Set::new();
        for bundle in &claimed.bundles {
            match self.verified(name, bundle) {
                Some((device, verified)) => {
                    ready.insert(device);
                    self.live.bundles.insert((name.clone(), device), verified);
                }
                None => {
                    lie(name, Lie::BadBundle, turn);
                }
            }
        }
        if ready.is_empty() && *name != self.name {
            self.pause(name, LOST_CAUSE, turn);
        }
        self.meet(name, turn).ready = Some(ready);
        turn.peer_changed(name);
    }

    /// The bundle, where it is signed by a device of the known list (M-PRE-2).
    fn verified(
        &self,
        name: &AccountName,
        claimed: &ClaimedBundle,
    ) -> Option<(DeviceId, VerifiedBundle)> {
        let device = DeviceId::new(claimed.device.get())?;
        let identity = self.pinned(name)?.device(device)?;
        let verified = PreKeyBundle::from_bytes(&claimed.bundle.0).ok()?.verify().ok()?;
        (verified.get().owner == identity).then_some((device, verified))
    }

    /// Takes what the relay says of an account, or refuses it (M-LIST-3 to M-LIST-5).
    fn learn<R: CryptoRng>(
        &mut self,
        asked: &Asked,
        key: &Base64,
        list: &Base64,
        turn: &mut Turn<'_, R>,
    ) -> Learnt {
        let name = &asked.name;
        let key = key.array().and_then(|key| AccountKey::from_bytes(&key).ok());
        let (Some(key), Ok(signed)) = (key, SignedDeviceList::from_bytes(&list.0)) else {
            return lie(name, Lie::Malformed, turn);
        };
        let pinned = match self.pinned(name).cloned() {
            None => PinnedAccount::first_use(name, key, signed.clone()),
            Some(mut pinned) => pinned.update(&key, signed.clone()).map(|()| pinned),
        };
        match pinned {
            Ok(pinned) => {
                self.pin(name, pinned, list.0.clone(), turn);
                Learnt::Fine
            }
            Err(ListRefusal::AccountKeyChanged) if *name != self.name => {
                self.offer(name, key, signed, turn)
            }
            // What was true when the relay was asked has become old meanwhile.
            Err(ListRefusal::Older) if self.version(name) > asked.version => Learnt::Fine,
            Err(refusal) => lie(name, refusal.into(), turn),
        }
    }

    fn version(&self, name: &AccountName) -> u64 {
        self.pinned(name).map_or(0, |pinned| pinned.list().version())
    }

    /// A newer list, signed by the known key, by whatever way it came.
    pub(super) fn learn_list<R: CryptoRng>(
        &mut self,
        name: &AccountName,
        list: &[u8],
        turn: &mut Turn<'_, R>,
    ) -> Learnt {
        let Some(mut pinned) = self.pinned(name).cloned() else { return Learnt::Lie };
        let Ok(signed) = SignedDeviceList::from_bytes(list) else {
            return lie(name, Lie::Malformed, turn);
        };
        let key = *pinned.key();
        match pinned.update(&key, signed) {
            Ok(()) => {
                self.pin(name, pinned, list.to_vec(), turn);
                Learnt::Fine
            }
            Err(ListRefusal::BadSignature) if *name != self.name => {
                // Perhaps of another account key: the directory says which.
                self.look_up(name, turn);
                Learnt::Lie
            }
            Err(refusal) => lie(name, refusal.into(), turn),
        }
    }

    fn pin<R: CryptoRng>(
        &mut self,
        name: &AccountName,
        pinned: PinnedAccount,
        signed_list: Vec<u8>,
        turn: &mut Turn<'_, R>,
    ) {
        let peer = self.meet(name, turn);
        let same = peer.pinned.as_ref() == Some(&pinned);
        let withdrawn = peer.offered.take().is_some();
        if same && !withdrawn {
            return;
        }
        (peer.pinned, peer.signed_list) = (Some(pinned), signed_list);
        turn.peer_changed(name);
        self.drop_unvouched(name, turn);
        if *name == self.name {
            turn.notice(Notice::DevicesChanged);
            self.look_at_own_list(turn);
        } else {
            turn.notice(Notice::Conversation(name.clone()));
        }
        self.release_held(name, turn);
    }

    /// The relay offers another key, which signs its list: nothing is sent until a person decides.
    fn offer<R: CryptoRng>(
        &mut self,
        name: &AccountName,
        key: AccountKey,
        list: SignedDeviceList,
        turn: &mut Turn<'_, R>,
    ) -> Learnt {
        if let Err(refusal) = PinnedAccount::first_use(name, key, list.clone()) {
            return lie(name, refusal.into(), turn);
        }
        let offered = Some((key, list));
        let peer = self.meet(name, turn);
        if peer.offered != offered {
            peer.offered = offered;
            turn.peer_changed(name);
            turn.notice(Notice::KeyChanged(name.clone()));
        }
        Learnt::KeyChanged
    }

    /// A person accepts the offered key: pinned anew, all sessions are over.
    pub(super) fn accept_key<R: CryptoRng>(
        &mut self,
        name: &AccountName,
        turn: &mut Turn<'_, R>,
    ) -> Result<Reply, Refusal> {
        let peer = self.peers.get_mut(name).ok_or(Refusal::UnknownAccount)?;
        let (key, list) = peer.offered.take().ok_or(Refusal::NothingOffered)?;
        let signed_list = list.to_bytes();
        let pinned = PinnedAccount::first_use(name, key, list).map_err(|_| Refusal::RelayLies)?;
        (peer.pinned, peer.signed_list) = (Some(pinned), signed_list);
        (peer.verified, peer.ready) = (None, None);
        turn.peer_changed(name);
        self.drop_unvouched(name, turn);
        self.live.paused.remove(name);
        self.note_key_change(name, turn);
        self.release_held(name, turn);
        turn.notice(Notice::Conversation(name.clone()));
        Ok(Reply::Done)
    }

    pub(super) fn set_verified<R: CryptoRng>(
        &mut self,
        name: &AccountName,
        verified: bool,
        turn: &mut Turn<'_, R>,
    ) -> Result<Reply, Refusal> {
        let peer = self.peers.get_mut(name).ok_or(Refusal::UnknownAccount)?;
        let pinned = peer.pinned.as_ref().ok_or(Refusal::UnknownAccount)?;
        if peer.offered.is_some() {
            return Err(Refusal::KeyChanged);
        }
        peer.verified = verified.then(|| *pinned.key().as_bytes());
        turn.peer_changed(name);
        turn.notice(Notice::Conversation(name.clone()));
        Ok(Reply::Done)
    }

    /// Sessions with devices that are not listed any more, or whose key is another one, are over.
    pub(super) fn drop_unvouched<R: CryptoRng>(
        &mut self,
        name: &AccountName,
        turn: &mut Turn<'_, R>,
    ) {
        let Some(peer) = self.peers.get_mut(name) else { return };
        let Some(pinned) = &peer.pinned else { return };
        if let Some(ready) = &mut peer.ready {
            ready.retain(|device| pinned.device(*device).is_some());
        }
        let of_peer = self.sessions.range((name.clone(), DeviceId::FIRST)..);
        let gone: Vec<_> = of_peer
            .take_while(|((of, _), _)| of == name)
            .filter(|(_, peering)| !pinned.vouches_for(peering.sessions.peer()))
            .map(|(key, peering)| (key.clone(), peering.position))
            .collect();
        for (key, position) in gone {
            self.sessions.remove(&key);
            turn.remove(collection("sessions").at(position));
            self.drop_parts(&key, turn);
        }
    }

    /// What the relay knows of no account: nothing can be sent to it.
    pub(super) fn no_such_account<R: CryptoRng>(
        &mut self,
        name: &AccountName,
        turn: &mut Turn<'_, R>,
    ) {
        if self.peers.contains_key(name) {
            turn.notice(Notice::NoSuchAccount(name.clone()));
            self.give_up_all(name, turn);
        }
    }
}

fn lie<R: CryptoRng>(name: &AccountName, why: Lie, turn: &mut Turn<'_, R>) -> Learnt {
    turn.notice(Notice::RelayLies { account: name.clone(), why });
    Learnt::Lie
}

impl From<ListRefusal> for Lie {
    fn from(refusal: ListRefusal) -> Self {
        match refusal {
            ListRefusal::Older | ListRefusal::Conflicting => Self::OlderList,
            ListRefusal::OtherAccount
            | ListRefusal::AccountKeyChanged
            | ListRefusal::BadSignature => Self::UnsignedList,
        }
    }
}

impl Peer {
    /// What was kept of an account.
    pub(super) fn of(position: u64, kept: record::Peer) -> Option<(AccountName, Self)> {
        let name = AccountName::new(&kept.name).ok()?;
        let pinned = match &kept.pinned[..] {
            [] => None,
            bytes => Some(PinnedAccount::from_bytes(bytes).ok()?),
        };
        let verified = match &kept.verified_key[..] {
            [] => None,
            key => Some(key.try_into().ok()?),
        };
        let offered = match &kept.offered_key[..] {
            [] => None,
            key => Some((
                AccountKey::from_bytes(key.try_into().ok()?).ok()?,
                SignedDeviceList::from_bytes(&kept.offered_list).ok()?,
            )),
        };
        let ready =
            kept.ready.iter().map(|device| DeviceId::new(*device)).collect::<Option<_>>()?;
        let peer = Self {
            pinned,
            signed_list: kept.signed_list,
            verified,
            offered,
            ready: kept.ready_known.then_some(ready),
            next_entry: kept.next_entry,
            unread: kept.unread,
            read_below: kept.read_below,
            active: Timestamp::from_seconds(kept.active),
            ..Self::at(position)
        };
        Some((name, peer))
    }
}

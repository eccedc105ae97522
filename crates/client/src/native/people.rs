//! Who somebody is, and which devices are one's own.

use sprag_protocol::fingerprint::Comparison;
use sprag_protocol::{AccountName, DeviceId, SafetyNumber};

use super::talk::name;
use super::{Client, Error};
use crate::effects::{Refusal, Reply};
use crate::history;
use crate::input::{Command, LinkOptions};
use crate::view::{LinkCode, OwnDevice, PeerView};

/// How many entries of a history are handed over at once.
const PAST: usize = 200;

/// What a device gets that is linked; contacts it always gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// The private account key: then it can link and remove devices too.
    pub account_key: bool,
    /// The conversations so far.
    pub history: bool,
}

impl Client {
    /// Gets to know an account, without saying anything to it.
    ///
    /// # Errors
    /// [`Error::Name`]; [`Error::Refused`], such as [`NoSuchAccount`](Refusal::NoSuchAccount); why there is
    /// no connection, such as [`Error::Unreachable`]; [`Error::Store`], [`Error::Closed`].
    pub async fn meet(&self, account: &str) -> Result<PeerView, Error> {
        let account = name(account)?;
        if let Some(known) = self.peer(account.as_str()).await? {
            return Ok(known);
        }
        self.command_online(Command::Meet(account.clone())).await?;
        self.peer(account.as_str()).await?.ok_or(Error::Refused(Refusal::UnknownAccount))
    }

    /// Looks again at what the relay says of an account: whether its key or its devices have changed.
    ///
    /// # Errors
    /// As [`meet`](Self::meet).
    pub async fn refresh(&self, account: &str) -> Result<PeerView, Error> {
        let account = name(account)?;
        self.command_online(Command::Refresh(account.clone())).await?;
        self.peer(account.as_str()).await?.ok_or(Error::Refused(Refusal::UnknownAccount))
    }

    /// An account as it is known here; `None` where nothing is known of it.
    ///
    /// # Errors
    /// [`Error::Name`], [`Error::Closed`].
    pub async fn peer(&self, account: &str) -> Result<Option<PeerView>, Error> {
        let account = name(account)?;
        self.inner.ask(move |desk| desk.engine().peer(&account)).await
    }

    /// The safety number with an account: what both see must be the same.
    ///
    /// # Errors
    /// As [`meet`](Self::meet).
    pub async fn safety_number(&self, with: &str) -> Result<SafetyNumber, Error> {
        let account = self.meet(with).await?.name;
        self.number(account, false).await?.ok_or(Error::Refused(Refusal::UnknownAccount))
    }

    /// The safety number with an account under the new key that the relay offers; `None` where it
    /// offers none.
    ///
    /// # Errors
    /// [`Error::Name`], [`Error::Closed`].
    pub async fn offered_safety_number(&self, with: &str) -> Result<Option<SafetyNumber>, Error> {
        self.number(name(with)?, true).await
    }

    async fn number(
        &self,
        with: AccountName,
        offered: bool,
    ) -> Result<Option<SafetyNumber>, Error> {
        self.inner.ask(move |desk| desk.engine().safety_number(&with, offered)).await
    }

    /// Compares with the bytes of the QR code that the other side shows; nothing is changed by it.
    ///
    /// # Errors
    /// [`Error::NotACode`], or as [`meet`](Self::meet).
    pub async fn compare(&self, with: &str, scanned: &[u8]) -> Result<Comparison, Error> {
        self.safety_number(with).await?.compare(scanned).map_err(|_| Error::NotACode)
    }

    /// A person has compared the safety number, and it is the same; or takes that back.
    ///
    /// # Errors
    /// [`Error::Name`], [`Error::Refused`], [`Error::Store`], [`Error::Closed`].
    pub async fn mark_verified(&self, with: &str, verified: bool) -> Result<(), Error> {
        let with = name(with)?;
        self.command(Command::SetVerified { with, verified }).await.map(drop)
    }

    /// A person accepts the new account key that the relay offers: what waits is sent.
    ///
    /// # Errors
    /// [`Error::Name`], [`Error::Refused`], [`Error::Store`], [`Error::Closed`].
    pub async fn accept_key(&self, with: &str) -> Result<(), Error> {
        let with = name(with)?;
        self.command(Command::AcceptKey(with)).await.map(drop)
    }

    /// The devices of the own account.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn devices(&self) -> Result<Vec<OwnDevice>, Error> {
        self.inner.ask(|desk| desk.engine().devices()).await
    }

    /// Signs a new device, which shows this code, into the account. When this returns, the relay has
    /// it, and what it gets is on its way.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Store`], [`Error::Closed`].
    pub async fn link(&self, code: LinkCode, what: Link) -> Result<DeviceId, Error> {
        let options = LinkOptions { account_key: what.account_key };
        let reply = self.command_online(Command::LinkDevice { code, options }).await?;
        let Reply::Linked(device) = reply else {
            return Err(Error::Refused(Refusal::NoSuchDevice));
        };
        if what.history {
            self.share_history(device).await?;
        }
        Ok(device)
    }

    /// Gives a device of the own account the conversations so far.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Store`], [`Error::Closed`].
    pub async fn share_history(&self, device: DeviceId) -> Result<(), Error> {
        for talk in self.conversations().await? {
            let mut from = 0;
            while from < talk.entries {
                let with = talk.with.clone();
                let page = move |desk: &mut super::Desk| {
                    let (engine, profile) = desk.parts();
                    history::after(engine, profile, &with, from, PAST)
                };
                let entries = self.inner.ask(page).await??;
                let Some(last) = entries.last() else { break };
                from = last.position + 1;
                let with = talk.with.clone();
                self.command(Command::ShareHistory { device, with, entries }).await?;
            }
        }
        Ok(())
    }

    /// Takes a device out of the own account.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Store`], [`Error::Closed`].
    pub async fn remove_device(&self, device: DeviceId) -> Result<(), Error> {
        self.command_online(Command::RemoveDevice(device)).await.map(drop)
    }
}

//! X3DH (Signal's specification, revision 1): the classical half of the handshake.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use crate::keys::{IdentityKey, IdentityKeyPair};
use crate::trace::{Agreement, Event, Observer, Place};
use crate::x25519::{InvalidKey, KeyPair, PublicKey, SharedSecret};

/// F: 32 bytes of 0xFF, so that the input of the KDF never starts like an encoded point
/// (section 2.2).
const F: [u8; 32] = [0xFF; 32];
/// F, four DH results and a KEM secret.
const LONGEST: usize = 6 * 32;

/// What the handshake's KDF is fed with: `F || DH1 || DH2 || DH3 [|| DH4]`, and more to come.
pub(crate) struct KeyMaterial(Zeroizing<Vec<u8>>);

impl KeyMaterial {
    fn new() -> Self {
        let mut material = Zeroizing::new(Vec::with_capacity(LONGEST));
        material.extend_from_slice(&F);
        Self(material)
    }

    pub(crate) fn put<O: Observer>(
        &mut self,
        what: Agreement,
        secret: &[u8; 32],
        observer: &mut O,
    ) {
        let place = Place::Agreement(what);
        observer.observe(Event::Derived { place, key: secret });
        self.0.extend_from_slice(secret);
    }

    fn agreed<O: Observer>(
        mut self,
        what: Agreement,
        secret: Result<SharedSecret, InvalidKey>,
        observer: &mut O,
    ) -> Result<Self, InvalidKey> {
        self.put(what, secret?.expose(), observer);
        Ok(self)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The keys are derived; what they came from is wiped.
    pub(crate) fn erase<O: Observer>(self, observer: &mut O) {
        let dh4 = (self.0.len() == LONGEST).then_some(Agreement::Dh4);
        let dhs = [Agreement::Dh1, Agreement::Dh2, Agreement::Dh3].into_iter().chain(dh4);
        for part in dhs.chain([Agreement::Kem]) {
            let place = Place::Agreement(part);
            observer.observe(Event::Used { place });
            observer.observe(Event::Erased { place });
        }
    }
}

/// The responder's public keys, as the initiator sees them.
pub(crate) struct TheirKeys<'a> {
    pub(crate) identity: &'a IdentityKey,
    pub(crate) signed: &'a PublicKey,
    pub(crate) one_time: Option<&'a PublicKey>,
}

/// Section 3.3: the initiator's side.
pub(crate) fn initiate<O: Observer>(
    identity: &IdentityKeyPair,
    ephemeral: &KeyPair,
    theirs: &TheirKeys<'_>,
    observer: &mut O,
) -> Result<KeyMaterial, InvalidKey> {
    let mut material = KeyMaterial::new()
        // DH1 = DH(IK_A, SPK_B)
        .agreed(Agreement::Dh1, identity.agree(theirs.signed), observer)?
        // DH2 = DH(EK_A, IK_B)
        .agreed(Agreement::Dh2, ephemeral.agree(&theirs.identity.agreement_key()), observer)?
        // DH3 = DH(EK_A, SPK_B)
        .agreed(Agreement::Dh3, ephemeral.agree(theirs.signed), observer)?;
    if let Some(one_time) = theirs.one_time {
        // DH4 = DH(EK_A, OPK_B)
        material = material.agreed(Agreement::Dh4, ephemeral.agree(one_time), observer)?;
    }
    Ok(material)
}

/// The responder's own keys that the initiator chose.
pub(crate) struct OurKeys<'a> {
    pub(crate) identity: &'a IdentityKeyPair,
    pub(crate) signed: &'a KeyPair,
    pub(crate) one_time: Option<&'a KeyPair>,
}

/// Section 3.4: the responder's side.
pub(crate) fn respond<O: Observer>(
    ours: &OurKeys<'_>,
    identity: &IdentityKey,
    ephemeral: &PublicKey,
    observer: &mut O,
) -> Result<KeyMaterial, InvalidKey> {
    let mut material = KeyMaterial::new()
        .agreed(Agreement::Dh1, ours.signed.agree(&identity.agreement_key()), observer)?
        .agreed(Agreement::Dh2, ours.identity.agree(ephemeral), observer)?
        .agreed(Agreement::Dh3, ours.signed.agree(ephemeral), observer)?;
    if let Some(one_time) = ours.one_time {
        material = material.agreed(Agreement::Dh4, one_time.agree(ephemeral), observer)?;
    }
    Ok(material)
}

//! Bytes at rest and on the wire, printed before the run.

use sprag_protocol::padded_len;

use crate::{PLAINTEXT, peer, sprag, state};

pub(crate) fn print() {
    let mut ours = sprag::Strangers::new(1);
    let first = ours.begin();
    let size = |end: &sprag::End| end.sessions.to_bytes().expose().len();
    let initiator = size(&ours.initiator);
    ours.responder.open(&first);
    let responder = size(&ours.responder);
    ours.initiator.open(&ours.responder.seal());
    let answered = size(&ours.initiator);
    let message = ours.initiator.seal();
    let sending = size(&ours.initiator);
    let kept = state::sprag_after_gap().to_bytes().expose().len();

    let mut theirs = peer::Strangers::new();
    let mut alice = theirs.initiate();
    let peer_first = peer::seal(&mut alice);
    let rows = [
        ("state, initiator unanswered", initiator, Some(peer::to_bytes(&alice).len())),
        ("state, responder after the first message", responder, {
            let them = theirs.initiator.curve25519_key();
            let (mut bob, _) = peer::respond(&mut theirs.responder, them, &peer_first);
            let size = peer::to_bytes(&bob).len();
            peer::open(&mut alice, &peer::seal(&mut bob));
            Some(size)
        }),
        ("state, initiator after the answer", answered, Some(peer::to_bytes(&alice).len())),
        ("state, initiator sending again", sending, {
            peer::seal(&mut alice);
            Some(peer::to_bytes(&alice).len())
        }),
        (
            "state, 1,000 messages missing",
            kept,
            Some(peer::to_bytes(&state::peer_after_gap()).len()),
        ),
        ("first message", first.len(), Some(peer_first.1.len())),
        ("message", message.len(), Some(peer::seal(&mut alice).1.len())),
        ("message over its padded plaintext", message.len() - padded_len(PLAINTEXT.len()), None),
    ];
    eprintln!("{:42} {:>8} {:>8}", "bytes", "sprag", "peer");
    for (what, ours, theirs) in rows {
        let theirs = theirs.map_or_else(String::new, |size| size.to_string());
        eprintln!("{what:42} {ours:>8} {theirs:>8}");
    }
    let sealed = alice.pickle().encrypt(&[0; 32]).len();
    eprintln!("{:42} {:>8} {sealed:>8}", "peer's sealed pickle, sending again", "");
}

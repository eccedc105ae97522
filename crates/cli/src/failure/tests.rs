//! Each kind of failure has its exit code, and programs can tell it from the others.

use anyhow::{Context, anyhow};

use super::*;

fn exits(error: impl Into<anyhow::Error>) -> u8 {
    verdict(&error.into()).exit
}

#[test]
fn each_kind_has_its_exit_code() {
    let limited = Error::Relay { code: Code::RateLimited, retry_after: Some(3) };
    for (error, exit) in [
        (Error::Name, USAGE),
        (Error::Refused(Refusal::NoSuchAccount), USAGE),
        (Error::NotSent(Failed::NoSuchAccount), USAGE),
        (Error::Store(StoreError::WrongKey), USAGE),
        (Error::Store(StoreError::InUse { pid: Some(1) }), UNEXPECTED),
        (Error::Store(StoreError::Damaged), UNEXPECTED),
        (Error::Removed, UNEXPECTED),
        (Error::Unreachable, UNREACHABLE),
        (Error::ClockSkew { seconds: 3600 }, UNREACHABLE),
        (Error::Relay { code: Code::Internal, retry_after: None }, UNREACHABLE),
        (Error::Refused(Refusal::Unreachable), UNREACHABLE),
        (Error::Refused(Refusal::KeyChanged), UNTRUSTED),
        (Error::Refused(Refusal::RelayLies), UNTRUSTED),
        (limited, LIMITED),
        (Error::Refused(Refusal::Refused(Code::MailboxFull)), LIMITED),
    ] {
        assert_eq!(exits(error.clone()), exit, "{error}");
    }
    assert_eq!(exits(usage(anyhow!("so not"))), USAGE);
    assert_eq!(exits(Unreachable), UNREACHABLE);
    assert_eq!(exits(Untrusted("differs")), UNTRUSTED);
    assert_eq!(exits(Interrupted), UNEXPECTED);
    assert_eq!(exits(anyhow!("whatever")), UNEXPECTED);
    assert_eq!(exits(Told { exit: UNREACHABLE, code: "not-well" }), UNREACHABLE);
}

#[test]
fn what_is_said_around_a_cause_hides_it_from_nobody() {
    let error = anyhow::Error::new(Error::Unreachable).context("it stays queued");
    let found = verdict(&error);
    assert_eq!(found, Verdict { exit: UNREACHABLE, code: "unreachable", retryable: true });
    let error = usage(anyhow::Error::new(Error::Name).context("outer"));
    assert_eq!(verdict(&error).code, "bad-name");
    assert_eq!(verdict(&usage(Error::Name.into())).code, "bad-name");
    assert_eq!(verdict(&anyhow::Error::new(StoreError::Full)).code, "disk-full");
}

#[test]
fn programs_are_told_in_json_and_people_in_a_sentence() {
    let error = anyhow::Error::new(Error::Name).context("evil \u{1b}[31m name");
    let found = verdict(&error);
    let people = told(&error, found, false);
    assert!(people.starts_with("sprag: evil  name: an account name is"), "{people}");
    let programs: serde_json::Value = serde_json::from_str(&told(&error, found, true)).unwrap();
    assert_eq!(programs["error"]["code"], "bad-name");
    assert_eq!(programs["error"]["retryable"], false);
}

#[test]
fn a_closed_pipe_is_enough_wherever_it_is_in_the_chain() {
    let closed = || io::Error::from(io::ErrorKind::BrokenPipe);
    assert!(is_enough(&closed().into()));
    assert!(is_enough(&Err::<(), _>(closed()).context("writing").unwrap_err()));
    assert!(!is_enough(&anyhow!("closed")));
}

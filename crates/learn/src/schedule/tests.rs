//! Every schedule has one text; what cannot happen is refused, with the place.

use super::*;

fn refusal(text: &str) -> ScheduleError {
    text.parse::<Schedule>().unwrap_err()
}

#[test]
fn text_comes_back() {
    for text in ["", "A", "A.dA1", "A.A.dA2.B.xA1.dB1.dA2", "A.dA1.dA1"] {
        assert_eq!(text.parse::<Schedule>().unwrap().to_string(), text);
    }
}

#[test]
fn what_cannot_be_read_is_refused() {
    for text in
        ["a", "AA", "A..A", "A.", "d", "dA", "dC1", "dA01", "dA+1", "yA1", "dA1x", "ä", "dä1"]
    {
        let error = format!("A.{text}").parse::<Schedule>().unwrap_err();
        assert!(matches!(error, ScheduleError::Unreadable(_)), "{text}: {error}");
    }
    assert_eq!(refusal("A.A.dA0"), ScheduleError::Unreadable(3));
    assert_eq!(refusal("A.dA99999999999"), ScheduleError::Unreadable(2));
}

#[test]
fn what_cannot_happen_is_refused() {
    assert_eq!(refusal("B"), ScheduleError::NothingReceived(1));
    assert_eq!(refusal("A.B"), ScheduleError::NothingReceived(2));
    assert_eq!(refusal("A.xA1.B"), ScheduleError::NothingReceived(3));
    assert_eq!(refusal("A.dA2"), ScheduleError::UnknownMessage(2));
    assert_eq!(refusal("A.dB1"), ScheduleError::UnknownMessage(2));
    assert_eq!(refusal("A.xA1.dA1"), ScheduleError::Lost(3));
    assert_eq!(refusal("A.xA1.xA1"), ScheduleError::Lost(3));
    assert_eq!(refusal("A.dA1.xA1"), ScheduleError::Arrived(3));
}

#[test]
fn a_schedule_has_a_longest() {
    let of = |actions| vec!["A"; actions].join(".").parse::<Schedule>();
    assert_eq!(of(MAX_ACTIONS).unwrap().actions().len(), MAX_ACTIONS);
    assert_eq!(of(MAX_ACTIONS + 1), Err(ScheduleError::TooLong));
    assert_eq!(
        Schedule::new(vec![Action::Send(Party::Alice); MAX_ACTIONS + 1]),
        Err(ScheduleError::TooLong)
    );
}

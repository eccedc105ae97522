//! Error codes and problem details.

use std::collections::BTreeSet;

use super::*;

#[test]
fn codes_are_unique_and_come_back() {
    let names: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(names.len(), Code::ALL.len());
    for code in Code::ALL.iter().copied() {
        let name = code.as_str();
        assert_eq!(Code::parse(name), Some(code));
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{name}");
        assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{name}\""));
        assert_eq!(serde_json::from_str::<Code>(&format!("\"{name}\"")).unwrap(), code);
        assert!((400..600).contains(&code.status()), "{name}");
        assert!(!code.title().is_empty() && !code.title().ends_with('.'), "{name}");
    }
    for unknown in ["", "Malformed", "no-such-code", "malformed "] {
        assert_eq!(Code::parse(unknown), None);
    }
}

#[test]
fn statuses_are_those_of_http() {
    for (code, status) in [
        (Code::Malformed, 400),
        (Code::Unauthenticated, 401),
        (Code::BadSignature, 403),
        (Code::NotFound, 404),
        (Code::MethodNotAllowed, 405),
        (Code::Timeout, 408),
        (Code::DevicesDiffer, 409),
        (Code::TooLarge, 413),
        (Code::UnsupportedMediaType, 415),
        (Code::RangeNotSatisfiable, 416),
        (Code::RateLimited, 429),
        (Code::Internal, 500),
        (Code::ShuttingDown, 503),
    ] {
        assert_eq!(code.status(), status, "{code:?}");
    }
}

#[test]
fn every_problem_comes_back_from_json() {
    for code in Code::ALL.iter().copied() {
        let bare = Problem::new(code, "what to do");
        let json = serde_json::to_value(&bare).unwrap();
        assert_eq!(json["type"], format!("urn:sprag:problem:{}", code.as_str()));
        assert_eq!(
            (&json["code"], &json["status"]),
            (&code.as_str().into(), &code.status().into())
        );
        // What does not apply is left out.
        assert_eq!(json.as_object().unwrap().len(), 5, "{json}");
        assert_eq!(serde_json::from_value::<Problem>(json).unwrap(), bare);
        let full = Problem {
            device_list: Some([1, 2].into()),
            devices: DeviceId::new(3).map(|device| vec![device]),
            offset: Some(4),
            time: Some(5),
            ..bare.after(6)
        };
        let json = serde_json::to_string(&full).unwrap();
        assert_eq!(serde_json::from_str::<Problem>(&json).unwrap(), full);
    }
}

//! Which versions of Node.js build what is for browsers.

use super::*;

#[test]
fn a_version_is_judged_by_its_numbers() {
    for version in ["v20.19.0", "v20.20.2", "v22.0.1", "v100.1.0"] {
        assert_eq!(judge(version), Node::There, "{version}");
    }
    for version in ["v20.18.9", "v18.20.1", "v9.99.0", "", "v20", "node"] {
        assert_eq!(judge(version), Node::TooOld(version.to_owned()), "{version}");
    }
}

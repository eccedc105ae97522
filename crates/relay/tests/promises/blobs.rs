//! Blobs: uploaded in parts that continue each other, downloaded in ranges, gone after their time.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_RANGE, CONTENT_TYPE, HOST, RANGE};
use hyper::{Method, Request, StatusCode};
use sprag_api::blob::{Blob, CreateBlob};
use sprag_api::limit;
use sprag_api::problem::Code;

use crate::here::{Here, START};
use crate::support::device::Device;
use crate::support::http::{Answer, Body};

const DAYS: u64 = 30 * 24 * 60 * 60;

async fn create(device: &mut Device, length: u64) -> Answer {
    device.post("/v1/blobs", &CreateBlob { length }).await.unwrap()
}

async fn append(device: &mut Device, upload: &Blob, offset: u64, part: &[u8]) -> Answer {
    let request = Request::builder()
        .method(Method::PATCH)
        .uri(format!("/v1/blobs/{}", upload.id))
        .header(HOST, "relay")
        .header(AUTHORIZATION, format!("Bearer {}", device.token))
        .header(CONTENT_TYPE, "application/octet-stream")
        .header("Upload-Offset", offset.to_string());
    let request = request.body(Full::new(Bytes::copy_from_slice(part))).unwrap();
    device.http.send(request).await.unwrap()
}

async fn range(device: &mut Device, upload: &Blob, range: &str) -> Answer {
    let request = Request::builder()
        .uri(format!("/v1/blobs/{}", upload.id))
        .header(HOST, "relay")
        .header(AUTHORIZATION, format!("Bearer {}", device.token))
        .header(RANGE, range);
    device.http.send(request.body(Full::default()).unwrap()).await.unwrap()
}

/// Bytes that differ from place to place.
fn bytes(length: usize) -> Vec<u8> {
    (0..=250).cycle().take(length).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_where_it_stopped() {
    let here = Here::plain().await;
    let (mut alice, mut bob) = here.two().await;
    let whole = bytes(300_000);
    let upload: Blob = create(&mut alice, 300_000).await.json();
    assert_eq!((upload.length, upload.offset, upload.expires), (300_000, 0, START + DAYS));
    let path = format!("/v1/blobs/{}", upload.id);
    let stored: Blob = append(&mut alice, &upload, 0, &whole[..200_000]).await.json();
    assert_eq!(stored.offset, 200_000);
    // Nothing is there before all of it is; nobody else adds to it or deletes it.
    bob.get(&path).await.unwrap().refuses(Code::NotFound);
    append(&mut bob, &upload, 200_000, b"x").await.refuses(Code::NotFound);
    bob.call(Method::DELETE, &path, Body::None).await.unwrap().refuses(Code::NotFound);
    bob.get(&format!("{path}/state")).await.unwrap().refuses(Code::NotFound);
    // The connection was lost: the same part again, a gap, a part that goes too far.
    for offset in [0, 199_999, 200_001, 300_000] {
        let problem = append(&mut alice, &upload, offset, b"x").await.refuses(Code::OffsetConflict);
        assert_eq!(problem.offset, Some(200_000));
    }
    append(&mut alice, &upload, 200_000, &bytes(100_001)).await.refuses(Code::TooLarge);
    let here = here.restart().await;
    for device in [&mut alice, &mut bob] {
        device.move_to(&here.place);
    }
    let state: Blob = alice.get(&format!("{path}/state")).await.unwrap().json();
    assert_eq!(state, stored);
    append(&mut alice, &upload, state.offset, &whole[200_000..]).await.yes();
    let answer = bob.get(&path).await.unwrap();
    assert_eq!((answer.status, answer.body.as_ref()), (StatusCode::OK, whole.as_slice()));
    alice.call(Method::DELETE, &path, Body::None).await.unwrap().yes();
    bob.get(&path).await.unwrap().refuses(Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_takes_a_range() {
    let here = Here::plain().await;
    let mut alice = here.device("alice").await;
    let whole = bytes(300_000);
    let upload: Blob = create(&mut alice, 300_000).await.json();
    append(&mut alice, &upload, 0, &whole).await.yes();
    for (asked, from, to) in [
        ("bytes=0-0", 0, 0),
        ("bytes=131071-131072", 131_071, 131_072),
        ("bytes=262144-", 262_144, 299_999),
        ("bytes=299999-400000", 299_999, 299_999),
        ("bytes=-5", 299_995, 299_999),
        ("bytes=-400000", 0, 299_999),
    ] {
        let answer = range(&mut alice, &upload, asked).await;
        assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT, "{asked}");
        assert_eq!(answer.headers[CONTENT_RANGE], format!("bytes {from}-{to}/300000"));
        assert_eq!(answer.body, whole[from..=to], "{asked}");
    }
    for asked in ["bytes=300000-", "bytes=-0"] {
        let answer = range(&mut alice, &upload, asked).await;
        answer.refuses(Code::RangeNotSatisfiable);
        assert_eq!(answer.headers[CONTENT_RANGE], "bytes */300000");
    }
    // What is no range of bytes is passed over.
    for asked in ["bytes=5-4", "lines=1-2", "bytes=a-b"] {
        assert_eq!(range(&mut alice, &upload, asked).await.status, StatusCode::OK, "{asked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_so_many_bytes_of_blobs_and_each_a_greatest_length() {
    let here = Here::start(|limits| limits.blob_bytes_per_account = 1_000).await;
    let (mut alice, mut bob) = here.two().await;
    create(&mut alice, 0).await.refuses(Code::Malformed);
    create(&mut alice, limit::BLOB_LEN + 1).await.refuses(Code::TooLarge);
    create(&mut alice, limit::BLOB_LEN).await.refuses(Code::QuotaExceeded);
    let upload: Blob = create(&mut alice, 600).await.json();
    create(&mut alice, 401).await.refuses(Code::QuotaExceeded);
    create(&mut alice, 400).await.yes();
    create(&mut alice, 1).await.refuses(Code::QuotaExceeded);
    create(&mut bob, 1_000).await.yes();
    let path = format!("/v1/blobs/{}", upload.id);
    alice.call(Method::DELETE, &path, Body::None).await.unwrap().yes();
    create(&mut alice, 600).await.yes();
    create(&mut alice, 1).await.refuses(Code::QuotaExceeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_has_at_most_a_mebibyte() {
    let here = Here::plain().await;
    let mut alice = here.device("alice").await;
    let length = 2 * limit::BLOB_PART_LEN;
    let upload: Blob = create(&mut alice, length as u64).await.json();
    append(&mut alice, &upload, 0, &bytes(limit::BLOB_PART_LEN + 1)).await.refuses(Code::TooLarge);
    append(&mut alice, &upload, 0, &bytes(limit::BLOB_PART_LEN)).await.yes();
    append(&mut alice, &upload, limit::BLOB_PART_LEN as u64, b"").await.refuses(Code::Malformed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_is_kept_for_30_days() {
    let here = Here::plain().await;
    let mut alice = here.device("alice").await;
    let upload: Blob = create(&mut alice, 1).await.json();
    append(&mut alice, &upload, 0, b"x").await.yes();
    let path = format!("/v1/blobs/{}", upload.id);
    here.set_clock(DAYS - 1);
    alice.login().await;
    alice.get(&path).await.unwrap().yes();
    here.set_clock(DAYS);
    alice.get(&path).await.unwrap().refuses(Code::NotFound);
    append(&mut alice, &upload, 1, b"x").await.refuses(Code::NotFound);
}

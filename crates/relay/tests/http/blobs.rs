//! Downloads as they go over the wire.

use bytes::Bytes;
use hyper::{Method, StatusCode};
use sprag_api::blob::Blob;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::here::Here;
use crate::support::device::Device;
use crate::support::http::Body;
use crate::support::soon;

const MIB: u64 = 1024 * 1024;

/// Uploads so many parts of 1 MiB.
async fn upload(device: &mut Device, parts: u64) -> String {
    let length = serde_json::json!({ "length": parts * MIB });
    let blob: Blob = device.post("/v1/blobs", &length).await.unwrap().json();
    let path = format!("/v1/blobs/{}", blob.id);
    for part in 0..parts {
        let body = Bytes::from(vec![7; 1024 * 1024]);
        let request = hyper::Request::patch(&path)
            .header("host", "relay.example")
            .header("authorization", format!("Bearer {}", device.token))
            .header("content-type", "application/octet-stream")
            .header("upload-offset", part * MIB)
            .body(http_body_util::Full::new(body));
        device.http.send(request.unwrap()).await.unwrap().yes();
    }
    path
}

#[tokio::test]
async fn head_tells_a_blobs_length() {
    let here = Here::plain().await;
    let mut alice = here.device("alice").await;
    let path = upload(&mut alice, 1).await;
    let head = alice.call(Method::HEAD, &path, Body::None).await.unwrap();
    assert_eq!(head.status, StatusCode::OK);
    assert_eq!(head.headers["content-length"], MIB.to_string());
    assert_eq!(head.headers["accept-ranges"], "bytes");
    let whole = alice.get(&path).await.unwrap();
    assert_eq!(whole.headers["content-type"], "application/octet-stream");
    assert!(whole.body.iter().all(|byte| *byte == 7) && whole.body.len() as u64 == MIB);
}

#[tokio::test]
async fn a_download_of_what_is_deleted_meanwhile_breaks_off() {
    let here = Here::plain().await;
    let mut alice = here.device("alice").await;
    // More than fits into the buffers on its way.
    let parts = 32;
    let path = upload(&mut alice, parts).await;
    let mut stream = TcpStream::connect(here.place.address).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: relay.example\r\nAuthorization: Bearer {}\r\n\r\n",
        alice.token
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![0; 15];
    soon(stream.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(answer, b"HTTP/1.1 200 OK");
    alice.call(Method::DELETE, &path, Body::None).await.unwrap().yes();
    let _ = soon(stream.read_to_end(&mut answer)).await.unwrap();
    assert!((answer.len() as u64) < parts * MIB, "all of it came");
}

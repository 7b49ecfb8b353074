//! Calls as files.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use futures::StreamExt as _;
use tower::ServiceExt as _;
use warmline_call::EndReason;

use crate::support::{Fake, get};

#[tokio::test]
async fn a_file_of_many_calls_is_whole_and_comes_in_pieces() {
    let fake = Fake::new().await;
    let calls = 450;
    for n in 1..=calls {
        let call = fake.place(n).await;
        if n % 3 == 0 {
            fake.talk_and_end(&call, EndReason::Completed, "=Done, \"all\" of it.").await;
        }
    }
    let app = fake.app();
    let json = get(&app, "/calls/export?format=json").await;
    let exported = json.json();
    let ids: Vec<&str> = exported.as_array().unwrap().iter().map(|call| call["call"].as_str().unwrap()).collect();
    let expected: Vec<String> = (1..=calls).rev().map(|n| crate::support::id(n).to_string()).collect();
    assert_eq!(ids, expected);
    let csv = get(&app, "/calls/export?format=csv").await;
    let mut lines = csv::Reader::from_reader(csv.text.as_bytes());
    let lines: Vec<csv::StringRecord> = lines.records().map(Result::unwrap).collect();
    assert_eq!(lines.iter().map(|line| &line[0]).collect::<Vec<_>>(), expected);
    assert_eq!(&lines[0][8], "'=Done, \"all\" of it.");
    let none = get(&app, "/calls/export?format=json&q=nobody+said+that").await;
    assert_eq!((none.status, none.text.as_str()), (StatusCode::OK, "[]"));

    let request = Request::get("/calls/export?format=json").body(Body::empty()).unwrap();
    let pieces = app.oneshot(request).await.unwrap().into_body().into_data_stream();
    let pieces: Vec<usize> = pieces.map(|piece| piece.unwrap().len()).collect().await;
    assert!(pieces.len() >= 3, "{pieces:?}");
    assert!(pieces.iter().all(|len| *len < json.text.len() / 2), "{pieces:?} of {}", json.text.len());
}

//! What the Bot API is told, and what becomes of its answers.

use super::*;
use crate::Picture;
use crate::message::tests::{NOW, stuck};
use crate::notify::testing::{Answers, built, send_in};

const OK: &str = r#"{"ok":true,"result":{"message_id":77}}"#;

fn config(server: &Answers, rest: &str) -> String {
    format!("api_url: {}\nbot_token: '1:t0ken'\nchat_id: -5\n{rest}", server.url)
}

async fn sent(server: &Answers, rest: &str, told: &crate::message::Notification) -> (Memory, Place) {
    let (mut memory, mut place) = (Memory::default(), Place::default());
    let sender = built(read, &config(server, rest));
    send_in(&*sender, told, &mut memory, &mut place).await.unwrap();
    (memory, place)
}

fn json(body: &str) -> Value {
    serde_json::from_str(body).unwrap()
}

#[tokio::test]
async fn a_message_has_entities_that_fit_its_text_and_goes_to_its_topic() {
    let server = Answers::start(vec![(200, OK)]).await;
    let (memory, _) = sent(&server, "message_thread_id: 9\nparse_mode: HTML", &stuck()).await;
    assert_eq!(memory.message.as_deref(), Some("77"));
    let (head, body) = server.requests().remove(0);
    assert!(head.starts_with("POST /bot1:t0ken/sendMessage "), "{head}");
    let body = json(&body);
    assert_eq!((body["chat_id"].as_i64(), body["message_thread_id"].as_i64()), (Some(-5), Some(9)));
    assert!(body.get("parse_mode").is_none());
    let number = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    let units: Vec<u16> = body["text"].as_str().unwrap().encode_utf16().collect();
    let parts: Vec<(String, String)> = body["entities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entity| {
            let (offset, length) = (number(&entity["offset"]), number(&entity["length"]));
            let text = String::from_utf16(&units[offset..offset + length]).unwrap();
            (entity["type"].as_str().unwrap().to_owned(), text)
        })
        .collect();
    assert_eq!(parts[0], ("bold".to_owned(), "🔴 OrderStuck (mes)".to_owned()));
    assert!(parts.contains(&("text_link".to_owned(), "4711".to_owned())), "{parts:?}");
}

#[tokio::test]
async fn the_message_is_edited_when_it_is_over_and_a_new_one_sent_when_it_cannot_be() {
    let gone = r#"{"ok":false,"error_code":400,"description":"Bad Request: message to edit not found"}"#;
    let server = Answers::start(vec![(200, OK), (200, OK), (400, gone), (200, OK)]).await;
    let (mut memory, mut place) = sent(&server, "", &stuck()).await;
    let mut over = stuck();
    over.alerts[0].ends_at = Some(NOW);
    let sender = built(read, &config(&server, ""));
    send_in(&*sender, &over, &mut memory, &mut place).await.unwrap();
    send_in(&*sender, &over, &mut memory, &mut place).await.unwrap();
    let requests = server.requests();
    let methods: Vec<&str> =
        requests.iter().map(|(head, _)| head.split(' ').nth(1).unwrap().rsplit('/').next().unwrap()).collect();
    assert_eq!(methods, ["sendMessage", "editMessageText", "editMessageText", "sendMessage"]);
    assert_eq!(json(&requests[1].1)["message_id"], 77);
    assert!(json(&requests[1].1)["text"].as_str().unwrap().starts_with("✅ OrderStuck: resolved (mes)\n"));
    assert_eq!(json(&requests[3].1)["reply_parameters"]["message_id"], 77);
}

#[tokio::test]
async fn its_wait_is_kept_and_a_chat_that_moves_is_followed() {
    let wait = r#"{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":31}}"#;
    let moved = r#"{"ok":false,"error_code":400,"description":"group chat was upgraded","parameters":{"migrate_to_chat_id":-1005}}"#;
    let server = Answers::start(vec![(429, wait), (400, moved), (200, OK), (200, OK)]).await;
    let sender = built(read, &config(&server, ""));
    let (mut memory, mut place) = (Memory::default(), Place::default());
    let failure = send_in(&*sender, &stuck(), &mut memory, &mut place).await.unwrap_err();
    assert!(matches!(failure, Failure::Again { after: Some(after), unsure: false, .. } if after.as_secs() == 31));
    send_in(&*sender, &stuck(), &mut memory, &mut place).await.unwrap();
    assert_eq!(place.moved_to.as_deref(), Some("-1005"));
    send_in(&*sender, &stuck(), &mut memory, &mut place).await.unwrap();
    let chats: Vec<i64> = server.requests().iter().map(|(_, body)| json(body)["chat_id"].as_i64().unwrap()).collect();
    assert_eq!(chats, [-5, -5, -1005, -1005]);
}

#[tokio::test]
async fn a_picture_has_the_text_below_it_when_that_fits() {
    let server = Answers::start(vec![(200, OK)]).await;
    let mut told = stuck();
    told.alerts[0].evidence.picture = Some(Arc::new(Picture { png: b"\x89PNG!".to_vec(), alt: "x".to_owned() }));
    let (memory, _) = sent(&server, "", &told).await;
    assert!(memory.picture);
    let (head, body) = server.requests().remove(0);
    assert!(head.contains("/sendPhoto ") && body.contains("name=\"caption\"\r\n\r\n🔴 OrderStuck"), "{head} {body}");
    assert!(body.contains("filename=\"chart.png\"\r\nContent-Type: image/png\r\n\r\n") && body.contains("PNG!"));

    told.alerts[0].annotations.insert("description".to_owned(), "long ".repeat(110));
    told.alerts[0].annotations.insert("summary".to_owned(), "wide ".repeat(110));
    let two = Answers::start(vec![(200, OK), (500, "")]).await;
    let (memory, _) = sent(&two, "", &told).await;
    assert!(!memory.picture);
    let heads: Vec<String> = two.requests().into_iter().map(|(head, _)| head).collect();
    assert!(heads[0].contains("/sendMessage ") && heads[1].contains("/sendPhoto "), "{heads:?}");
}

#[tokio::test]
async fn what_is_wrong_is_told_without_the_token() {
    let server =
        Answers::start(vec![(401, r#"{"ok":false,"description":"Unauthorized"}"#), (403, "{}"), (502, "bad")]).await;
    let sender = built(read, &config(&server, ""));
    let (mut memory, mut place) = (Memory::default(), Place::default());
    let mut failures = Vec::new();
    for _ in 0..3 {
        failures.push(send_in(&*sender, &stuck(), &mut memory, &mut place).await.unwrap_err());
    }
    assert!(failures.iter().all(|failure| matches!(failure, Failure::Again { .. })), "an operator can mend it");
    drop(server);
    failures.push(send_in(&*sender, &stuck(), &mut memory, &mut place).await.unwrap_err());
    for failure in failures {
        assert!(!format!("{failure} {failure:?} {sender:?}").contains("t0ken"));
    }
}

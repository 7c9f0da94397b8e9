//! Personal data of every class, planted in every form, is nowhere but in the file it was read from: not on the wire, in
//! no file of the agent or the server, and in no log of theirs.

#[path = "../../crates/mask/tests/matrix/forms.rs"]
mod forms;
#[path = "../../crates/mask/tests/matrix/planted.rs"]
mod planted;

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use aho_corasick::AhoCorasick;
use logline::Timestamp;

use super::agent::Agent;
use super::harness::{Server, eventually, files, now};
use forms::FORMS;
use planted::PLANTED;

/// Shorter ones are found by chance.
const MIN_NEEDLE: usize = 8;
/// Stands in every line, so that one sees that a place was looked into.
const HARMLESS: &str = "harmless-word";
/// A private key that is read line by line.
const KEY_LINES: [&str; 4] = [
    "-----BEGIN RSA PRIVATE KEY-----",
    "MIIEpAIBAAKCAQEA7bq3XvT9kQmZ1sW8yRf4uLh2Nc6Jd0PgEoBxKaVtYi5nHzSw",
    "3XvT9kQmZ1sW8yRf4uLh2Nc6JdA=",
    "-----END RSA PRIVATE KEY-----",
];

/// What no place may hold: each value as it is, and as each form writes it.
struct Needles {
    texts: Vec<String>,
    search: AhoCorasick,
}

fn needles() -> Needles {
    let values = PLANTED.iter().flat_map(|(_, text, part)| [*text, *part]);
    let written = values.flat_map(|value| FORMS.iter().map(move |(_, form)| inner(*form, value)));
    let parts = PLANTED.iter().map(|(.., part)| (*part).to_owned());
    let key = KEY_LINES[1..3].iter().map(|line| (*line).to_owned());
    let texts: Vec<_> = written.chain(parts).chain(key).filter(|needle| MIN_NEEDLE <= needle.len()).collect();
    Needles { search: AhoCorasick::new(&texts).unwrap(), texts }
}

/// A value as a form writes it, without what the form puts around it.
fn inner(form: fn(&str) -> String, value: &str) -> String {
    let (empty, full) = (form(""), form(value));
    let same = |(a, b): &(char, char)| a == b;
    let before = full.chars().zip(empty.chars()).take_while(same).count();
    let after = full.chars().rev().zip(empty.chars().rev()).take_while(same).count();
    let len = full.chars().count();
    full.chars().take(len - after).skip(before).collect()
}

/// Every class in every form as events of a service, and two hundred requests with personal data in their bodies.
fn events(base: i64) -> Vec<String> {
    let planted = PLANTED.iter().flat_map(|(_, text, _)| FORMS.iter().map(|(_, form)| form(text)));
    // Numbers alone, one behind the other as files have them, would look like digits of something else.
    let request = |n: i64| {
        let time = jiff::Timestamp::from(Timestamp(base - n));
        format!(
            "[{time}][REQ][POST /orders] order_id=A{n} status=CREATED request_id=r{n} headers={{\"authorization\":\"Bearer abcdef123456789\"}} \
             body={{\"customer\":{{\"name\":\"Анна\",\"email\":\"ivan.petrov@example.ru\",\"phone\":\"9161234567\"}},\"card\":\"2200000000000004\",\"password\":\"hunter2x\"}}"
        )
    };
    planted
        .map(|text| format!("event: {text}"))
        .chain((0..200).map(request))
        .map(|line| format!("{line} {HARMLESS}"))
        .collect()
}

fn config(folder: &Path, url: &str) -> PathBuf {
    let logs = folder.join("logs");
    std::fs::create_dir_all(&logs).unwrap();
    let mut text = format!("state_dir = {:?}\n[output]\nurl = {url:?}\n", folder.join("state"));
    for (name, rest) in [("shop", "join_start = '^(event:|\\[20)'"), ("keys", "")] {
        write!(
            text,
            "[[input]]\npaths = [{:?}]\nlabels = {{ service = \"{name}\" }}\nstart = \"head\"\n{rest}\n",
            logs.join(format!("{name}.log"))
        )
        .unwrap();
    }
    let path = folder.join("agent.toml");
    std::fs::write(&path, text).unwrap();
    path
}

/// Passes bytes on to the server and keeps a copy of what the agent sent. Until there is a server, it hangs up.
#[derive(Clone, Default)]
struct Tap {
    server: Arc<Mutex<Option<String>>>,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Tap {
    fn listen(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let tap = self.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let server = tap.server.lock().unwrap().clone();
                if let Some(upstream) = server.and_then(|server| TcpStream::connect(server).ok()) {
                    tap.pass(client, upstream);
                }
            }
        });
        url
    }

    fn pass(&self, client: TcpStream, upstream: TcpStream) {
        let (mut from, mut to) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
        let seen = Arc::clone(&self.seen);
        std::thread::spawn(move || {
            let mut buffer = [0; 65536];
            while let Ok(n @ 1..) = from.read(&mut buffer) {
                seen.lock().unwrap().extend_from_slice(&buffer[..n]);
                if to.write_all(&buffer[..n]).is_err() {
                    break;
                }
            }
        });
        std::thread::spawn(move || drop(std::io::copy(&mut &upstream, &mut &client)));
    }
}

/// The bodies of the pushes in what was seen on the wire, decompressed.
fn pushes(wire: &[u8]) -> Vec<u8> {
    let mut bodies = Vec::new();
    let mut rest = wire;
    while let Some(head_end) = rest.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
        let head = String::from_utf8_lossy(&rest[..head_end]).to_lowercase();
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length:")).map_or(0, |n| n.trim().parse().unwrap());
        let body = &rest[head_end + 4..head_end + 4 + length];
        bodies.extend(snap::raw::Decoder::new().decompress_vec(body).unwrap());
        rest = &rest[head_end + 4 + length..];
    }
    bodies
}

/// What the records of the agent's spool hold, decompressed, and how many lines that is.
fn spooled(folder: &Path) -> (Vec<u8>, u32) {
    let (mut bodies, mut lines) = (Vec::new(), 0);
    if !folder.exists() {
        return (bodies, lines);
    }
    for file in files(folder).into_iter().filter(|file| file.extension().is_some_and(|ending| ending == "seg")) {
        let bytes = std::fs::read(file).unwrap_or_default();
        let heads = bytes.windows(4).enumerate().filter(|(_, magic)| magic == b"LREC").map(|(at, _)| at);
        for at in heads {
            let number = |from: usize| {
                bytes.get(at + from..at + from + 4).map_or(0, |bytes| u32::from_le_bytes(bytes.try_into().unwrap()))
            };
            let start = at + 56 + number(44) as usize;
            let body = bytes.get(start..start + number(48) as usize).unwrap_or_default();
            if let Ok(body) = snap::raw::Decoder::new().decompress_vec(body) {
                lines += number(40);
                bodies.extend(body);
            }
        }
    }
    (bodies, lines)
}

/// The bytes of a file, and what every frame of zstd in it holds: blocks of the WAL, pages of Parquet, the token index.
fn unpacked(file: &Path) -> Vec<u8> {
    const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    let mut bytes = std::fs::read(file).unwrap_or_default();
    let frames: Vec<usize> =
        bytes.windows(4).enumerate().filter(|(_, four)| *four == MAGIC).map(|(at, _)| at).collect();
    let mut inside = Vec::new();
    for at in frames {
        drop(zstd::Decoder::new(&bytes[at..]).and_then(|decoder| decoder.single_frame().read_to_end(&mut inside)));
    }
    bytes.extend(inside);
    bytes
}

#[track_caller]
fn holds_nothing(needles: &Needles, place: &str, bytes: &[u8]) {
    let found = needles.search.find(bytes).map(|found| &needles.texts[found.pattern().as_usize()]);
    assert_eq!(found, None, "in {place}");
}

/// Looks into every file below a folder; tells in which kinds of them, by their endings, lines were found.
fn search(needles: &Needles, folder: &Path) -> Vec<String> {
    let mut kinds = Vec::new();
    for file in files(folder) {
        let bytes = unpacked(&file);
        holds_nothing(needles, &file.display().to_string(), &bytes);
        if String::from_utf8_lossy(&bytes).contains(HARMLESS) {
            kinds.extend(file.extension().map(|ending| ending.to_string_lossy().into_owned()));
        }
    }
    kinds.sort();
    kinds.dedup();
    kinds
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_planted_is_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let (data, state, needles) = (folder.path().join("data"), folder.path().join("state"), needles());
    let tap = Tap::default();
    let base = now().0;
    let events = events(base);
    let agent = Agent::start(folder.path(), &config(folder.path(), &tap.listen()));

    // Pieces that end in the middle of a value, each written when the one before was read.
    let mut log = std::fs::File::create(folder.path().join("logs/shop.log")).unwrap();
    let all = events.join("\n") + "\n";
    let mut from = 0;
    for value in ["123-45-67", "2200000000000004", "hunter2x"] {
        let cut = from + all.get(from..).and_then(|rest| rest.find(value)).unwrap() + value.len() / 2;
        let before = spooled(&state).1;
        log.write_all(&all.as_bytes()[from..cut]).unwrap();
        eventually("a piece is read", async || before < spooled(&state).1).await;
        from = cut;
    }
    log.write_all(&all.as_bytes()[from..]).unwrap();
    std::fs::write(folder.path().join("logs/keys.log"), KEY_LINES.map(|line| line.to_owned() + "\n").concat()).unwrap();
    let lines = events.len() + KEY_LINES.len();
    eventually("all is spooled", async || spooled(&state).1 as usize == lines).await;
    let (spool, _) = spooled(&state);
    assert!(String::from_utf8_lossy(&spool).contains(HARMLESS), "the spool was not read");
    holds_nothing(&needles, "the spool", &spool);
    search(&needles, &state);

    let server = Server::open(&data);
    *tap.server.lock().unwrap() = server.url.strip_prefix("http://").map(str::to_owned);
    let range = (Timestamp(base - 3_600_000_000_000), Timestamp(base + 3_600_000_000_000));
    let stored = async |server: &Server| server.lines(r#"{service=~".+"}"#, range.0, range.1).await;
    eventually("all lines arrive", async || stored(&server).await.len() == lines).await;
    agent.terminate();
    let wal = search(&needles, &data.join("wal"));
    assert!(!wal.is_empty(), "no line was found in the WAL");
    holds_nothing(&needles, "the server's log", server.log().as_bytes());
    assert!(server.terminate().success());

    let wire = tap.seen.lock().unwrap().clone();
    let sent = pushes(&wire);
    assert!(String::from_utf8_lossy(&sent).matches(HARMLESS).count() >= events.len(), "the pushes were not found");
    holds_nothing(&needles, "the wire", &wire);
    holds_nothing(&needles, "a push", &sent);
    holds_nothing(&needles, "the agent's log", &std::fs::read(folder.path().join("agent.out")).unwrap());
    search(&needles, &state);
    let kinds = search(&needles, &data);
    assert!(kinds.iter().any(|kind| kind == "parquet"), "no line was found in Parquet, but in {kinds:?}");

    let server = Server::open(&data);
    let found = stored(&server).await;
    assert_eq!(found.len(), lines);
    let answer: String = found.into_iter().map(|(_, line)| line + "\n").collect();
    holds_nothing(&needles, "an answer", answer.as_bytes());
    for kept in ["order_id=A7 ", "status=CREATED", "Анна", "<card>", "<private_key>"] {
        assert!(answer.contains(kept), "`{kept}` is missing: too much is masked, or too little");
    }
}

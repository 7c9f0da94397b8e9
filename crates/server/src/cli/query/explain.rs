//! How a query is run: its plan and what it cost.

use serde_json::Value;
use stdx::Language;

/// The plan of a query and what it cost, for people.
pub(super) fn explained(told: &Value, words: Language) -> String {
    let number = |name: &str| told["cost"][name].as_u64().unwrap_or(0);
    let mut out = words.pick("plan:\n", "план:\n").to_owned();
    for line in told["plan"].as_str().unwrap_or_default().lines() {
        out += &format!("  {line}\n");
    }
    let bytes = |name: &str| stdx::ByteSize(number(name)).to_string();
    let [pruned, by_time, by_stream, by_index] =
        ["", "_by_time", "_by_stream", "_by_index"].map(|of| number(&format!("lines_pruned{of}")));
    let pruned = match words {
        Language::English => format!(
            "lines ruled out unread: {pruned} (by time {by_time}, by stream {by_stream}, by the index of words alone {by_index})\n"
        ),
        Language::Russian => format!(
            "строк исключено без чтения: {pruned} (по времени {by_time}, по потоку {by_stream}, одним индексом слов {by_index})\n"
        ),
    };
    let row = |english, russian, value: String| format!("{}: {value}\n", words.pick(english, russian));
    out += &row("files opened", "открыто файлов", number("files_opened").to_string());
    out += &pruned;
    out += &row("index of words read", "прочитано индекса слов", bytes("index_bytes"));
    out += &row("lines read", "прочитано строк", number("lines_read").to_string());
    out += &row(
        "of these, counted by statistics",
        "из них сосчитано по статистике",
        number("lines_by_statistics").to_string(),
    );
    out += &row(
        "of these, decided by the patterns of lines",
        "из них решено по шаблонам строк",
        number("lines_by_pattern").to_string(),
    );
    out += &row("text decoded", "разобрано текста", bytes("bytes_decoded"));
    out += &row("lines kept", "подошло строк", number("lines_kept").to_string());
    out += &row("returned", "возвращено", number("returned").to_string());
    out + &row("time", "время", format!("{} {}", number("took_ms"), words.pick("ms", "мс")))
}

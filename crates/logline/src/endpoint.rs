//! Endpoint templates: ids in a path become `{id}`, so that one route is one endpoint.

use memchr::memchr;

/// The template of an endpoint and the path it stands for, if the endpoint is not a template yet.
///
/// `GET /orders/4711?x=1` gives `GET /orders/{id}` and `/orders/4711?x=1`. A segment is an id if it is a number, a UUID
/// or at least 16 hex digits. An endpoint that has a `{` already is taken for a template and left alone.
pub fn template(endpoint: &str) -> Option<(String, &str)> {
    let changes = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'?' | b'#');
    if memchr(b'{', endpoint.as_bytes()).is_some() || !endpoint.bytes().any(changes) {
        return None;
    }
    let (method, path) = match endpoint.split_once(' ') {
        Some((method, path)) => (Some(method), path),
        None => (None, endpoint),
    };
    let route = path.split_once(['?', '#']).map_or(path, |(route, _)| route);
    let mut segments = route.split('/');
    let first = segments.next().unwrap_or_default();
    if route.len() == path.len() && !segments.clone().any(is_id) {
        return None;
    }
    let mut template = String::with_capacity(endpoint.len());
    if let Some(method) = method {
        template.push_str(method);
        template.push(' ');
    }
    template.push_str(first);
    for segment in segments {
        template.push('/');
        template.push_str(if is_id(segment) { "{id}" } else { segment });
    }
    Some((template, path))
}

fn is_id(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    if digits == 0 {
        return false;
    }
    let hex = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_hexdigit);
    digits == bytes.len() || (16 <= bytes.len() && hex(bytes)) || is_uuid(bytes)
}

fn is_uuid(bytes: &[u8]) -> bool {
    let digit = |(at, byte): (usize, &u8)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    bytes.len() == 36 && bytes.iter().enumerate().all(digit)
}

#[cfg(test)]
mod tests;

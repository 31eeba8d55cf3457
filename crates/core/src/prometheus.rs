//! What Prometheus answers to queries, read: no server is asked here.
//!
//! The format is that of `/api/v1/query` and `/api/v1/query_range`, as the [HTTP
//! API](https://prometheus.io/docs/prometheus/latest/querying/api/) describes it.

use std::fmt;

use serde::Deserialize;

/// A value at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// When, in seconds since 1970.
    pub at: f64,
    /// What; it may be infinite or not a number.
    pub value: f64,
}

/// The samples of one set of labels, in the order of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The labels, such as `{instance="10.0.0.7:9100"}`.
    pub labels: String,
    /// Its samples.
    pub samples: Vec<Sample>,
}

/// Why an answer holds no samples that could be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAnswer {
    /// It is not JSON of this API.
    #[error("answered with something that Prometheus does not say")]
    Foreign,
    /// The server could not carry the query out.
    #[error("refused the query: {0}")]
    Refused(String),
    /// The result is of a kind that holds no numbers.
    #[error("answered with a {0}, which holds no numbers")]
    Kind(String),
}

#[derive(Deserialize)]
struct Answer {
    status: String,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "resultType")]
    kind: String,
    result: serde_json::Value,
}

/// A time, and a number as text: JSON knows no infinity.
type Pair = (f64, String);

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    metric: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    value: Option<Pair>,
    #[serde(default)]
    values: Vec<Pair>,
}

/// Returns the URL that asks `server` for `/api/v1/ENDPOINT` with `parameters`.
#[must_use]
pub fn query_url(server: &str, endpoint: &str, parameters: &[(&str, &str)]) -> String {
    let written: Vec<_> =
        parameters.iter().map(|(key, value)| format!("{key}={}", encoded(value))).collect();
    format!("{}/api/v1/{endpoint}?{}", server.trim_end_matches('/'), written.join("&"))
}

/// Returns `text` as it may stand in a query: all but the unreserved of RFC 3986 as percent and digits.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(byte.into());
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Returns the series of an answer; none is no error, and no data.
///
/// # Errors
/// [`InvalidAnswer`] when it is not one of Prometheus, or the query was refused.
pub fn parse(body: &[u8]) -> Result<Vec<Series>, InvalidAnswer> {
    let answer: Answer = serde_json::from_slice(body).map_err(|_| InvalidAnswer::Foreign)?;
    if answer.status != "success" {
        let said = answer.error.unwrap_or_else(|| format!("status {:?}", answer.status));
        return Err(InvalidAnswer::Refused(excerpt(&said)));
    }
    let data = answer.data.ok_or(InvalidAnswer::Foreign)?;
    match data.kind.as_str() {
        "vector" | "matrix" => read_items(data.result),
        "scalar" => read_scalar(data.result),
        other => Err(InvalidAnswer::Kind(excerpt(other))),
    }
}

fn read_items(result: serde_json::Value) -> Result<Vec<Series>, InvalidAnswer> {
    let items: Vec<Item> = serde_json::from_value(result).map_err(|_| InvalidAnswer::Foreign)?;
    items.into_iter().map(read_item).collect()
}

fn read_item(item: Item) -> Result<Series, InvalidAnswer> {
    let labels: Vec<_> = item.metric.iter().map(|(k, v)| format!("{k}={v:?}")).collect();
    let pairs = item.value.into_iter().chain(item.values);
    let samples = pairs.map(read_sample).collect::<Result<_, _>>()?;
    Ok(Series { labels: format!("{{{}}}", labels.join(",")), samples })
}

fn read_scalar(result: serde_json::Value) -> Result<Vec<Series>, InvalidAnswer> {
    let pair: Pair = serde_json::from_value(result).map_err(|_| InvalidAnswer::Foreign)?;
    Ok(vec![Series { labels: String::new(), samples: vec![read_sample(pair)?] }])
}

fn read_sample((at, value): Pair) -> Result<Sample, InvalidAnswer> {
    let value = value.parse().map_err(|_| InvalidAnswer::Foreign)?;
    Ok(Sample { at, value })
}

/// Returns the beginning of what somebody else said, on one line.
fn excerpt(text: &str) -> String {
    text.chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.labels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(body: &str) -> Result<Vec<Vec<f64>>, InvalidAnswer> {
        let values = |series: Series| series.samples.iter().map(|sample| sample.value).collect();
        Ok(parse(body.as_bytes())?.into_iter().map(values).collect())
    }

    #[test]
    fn vectors_matrices_and_scalars_are_read() {
        let vector = r#"{"status":"success","data":{"resultType":"vector","result":[
            {"metric":{"instance":"a:1"},"value":[1700000000.5,"0.25"]},
            {"metric":{},"value":[1700000000.5,"+Inf"]}]}}"#;
        assert_eq!(values(vector), Ok(vec![vec![0.25], vec![f64::INFINITY]]));
        let read = parse(vector.as_bytes()).expect("an answer");
        assert_eq!(read[0].to_string(), r#"{instance="a:1"}"#);
        let matrix = r#"{"status":"success","data":{"resultType":"matrix","result":[
            {"metric":{},"values":[[1,"1"],[2,"-2e3"]]}]}}"#;
        assert_eq!(values(matrix), Ok(vec![vec![1.0, -2000.0]]));
        let scalar = r#"{"status":"success","data":{"resultType":"scalar","result":[1,"NaN"]}}"#;
        assert!(values(scalar).is_ok_and(|values| values[0][0].is_nan()));
    }

    #[test]
    fn queries_are_encoded() {
        let url =
            query_url("http://p:9090/", "query", &[("query", "a{b=\"ü\"} + 1&x"), ("t", "1")]);
        assert_eq!(
            url,
            "http://p:9090/api/v1/query?query=a%7Bb%3D%22%C3%BC%22%7D%20%2B%201%26x&t=1"
        );
    }

    #[test]
    fn no_series_is_no_data() {
        let empty = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
        assert_eq!(values(empty), Ok(vec![]));
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for foreign in [
            "",
            "ok",
            "[]",
            "{}",
            r#"{"status":"success"}"#,
            r#"{"status":"success","data":{"resultType":"vector","result":[{"value":[1,"x"]}]}}"#,
            r#"{"status":"success","data":{"resultType":"matrix","result":7}}"#,
        ] {
            assert_eq!(values(foreign), Err(InvalidAnswer::Foreign), "{foreign}");
        }
        let refused = r#"{"status":"error","errorType":"bad_data","error":"parse\nerror"}"#;
        assert_eq!(values(refused), Err(InvalidAnswer::Refused("parse error".to_owned())));
        let text = r#"{"status":"success","data":{"resultType":"string","result":[1,"x"]}}"#;
        assert_eq!(values(text), Err(InvalidAnswer::Kind("string".to_owned())));
    }
}

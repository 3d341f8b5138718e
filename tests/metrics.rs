//! Figures of a model against scikit-learn's (tests/golden/make_metrics_golden.py).

mod common;

use common::project;
use headstart::metrics::Evaluation;
use headstart::train::softmax;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    labels: Vec<usize>,
    probabilities: Vec<Vec<f64>>,
    accuracy: f64,
    log_loss: f64,
    confusion_matrix: Vec<Vec<u32>>,
    precision: Vec<f64>,
    recall: Vec<f64>,
    support: Vec<u32>,
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("class {index}")).collect()
}

fn close(what: &str, found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6, "{what}: {found}, not {expected}");
}

#[test]
fn figures_are_scikit_learns() {
    let text = std::fs::read_to_string(project("tests/golden/metrics.json")).unwrap();
    let golden: Golden = serde_json::from_str(&text).unwrap();
    // Any constant added to a row of logits leaves its probabilities what they are.
    let logits = |row: &Vec<f64>| row.iter().map(|p| p.ln() as f32 + 30.0).collect::<Vec<f32>>();
    let rows: Vec<Vec<f32>> = golden.probabilities.iter().map(logits).collect();
    for (row, probabilities) in rows.iter().zip(&golden.probabilities) {
        softmax(row).iter().zip(probabilities).for_each(|(a, b)| assert!((a - b).abs() < 1e-5, "{a}, not {b}"));
    }
    let pairs = rows.iter().map(Vec::as_slice).zip(golden.labels.iter().copied());
    let found = Evaluation::measure(&names(4), pairs).expect("there are pictures");
    close("accuracy", found.accuracy, golden.accuracy);
    assert!((found.loss - golden.log_loss).abs() < 1e-5, "loss {}, not {}", found.loss, golden.log_loss);
    assert_eq!(found.confusion_matrix, golden.confusion_matrix);
    assert_eq!(found.images, 60);
    assert_eq!(found.classes, names(4));
    assert_eq!(found.per_class.len(), 4);
    for (index, class) in found.per_class.iter().enumerate() {
        assert_eq!(class.class, format!("class {index}"));
        assert_eq!(class.support, golden.support[index]);
        close("recall", class.recall.expect("every class has pictures"), golden.recall[index]);
        match index {
            // scikit-learn calls 0/0 zero; here it is said that there is none.
            3 => assert_eq!(class.precision, None, "class 3 is never predicted"),
            _ => close("precision", class.precision.expect("it was predicted"), golden.precision[index]),
        }
    }
}

#[test]
fn small_sets() {
    let none: [(&[f32], usize); 0] = [];
    assert_eq!(Evaluation::measure(&names(2), none), None, "nothing is known of no pictures");
    let one = Evaluation::measure(&names(3), [(&[0.0, 2.0, 1.0][..], 1)]).unwrap();
    assert_eq!((one.accuracy, one.images), (1.0, 1));
    assert_eq!(one.per_class[0].recall, None, "no pictures of this class");
    assert_eq!(one.per_class[1].recall, Some(1.0));
    assert_eq!(one.confusion_matrix, [[0, 0, 0], [0, 1, 0], [0, 0, 0]]);
}

#[test]
fn huge_logits_stay_numbers() {
    let rows = [(&[3e38_f32, -3e38][..], 0), (&[3e38, -3e38][..], 1)];
    let found = Evaluation::measure(&names(2), rows).unwrap();
    assert_eq!(found.accuracy, 0.5);
    assert!(found.loss.is_finite() && found.loss > 1e38, "{}", found.loss);
    assert_eq!(softmax(&[1000.0, 1000.0]), [0.5, 0.5]);
}

//! Tables of text.

/// Prints columns beside each other, the first to the left and numbers to the right.
pub(crate) fn print<const COLUMNS: usize>(head: &[&str; COLUMNS], rows: Vec<[String; COLUMNS]>) {
    let widths: [usize; COLUMNS] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.fold(head[column].chars().count(), usize::max)
    });
    let print = |cells: [&str; COLUMNS]| {
        let cells = cells.iter().zip(widths).enumerate().map(|(column, (cell, width))| match column {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        println!("{}", cells.collect::<Vec<_>>().join("  "));
    };
    print(*head);
    rows.iter().for_each(|row| print(std::array::from_fn(|column| row[column].as_str())));
}

/// Bytes for people.
pub(crate) fn size(bytes: usize) -> String {
    if bytes < 1 << 20 { format!("{} KiB", bytes >> 10) } else { format!("{} MiB", bytes >> 20) }
}

//! What reading a bulk file costs: rows a second of a subscriber list with seven columns, of which
//! five are read, as CSV, as CSV with quotes, gzipped, and as NDJSON.

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;

use criterion::{Criterion, Throughput};
use flate2::Compression;
use flate2::write::GzEncoder;
use gateway::jobs::rows::{Columns, FileFormat, Reading, RowReader};

const ROWS: u64 = 50_000;
const NAMES: [&str; 8] = [
    "Nguyễn Văn An",
    "TRẦN THỊ THANH THUỶ",
    "Lê Hoàng Minh Đức",
    "pham thi hong nhung",
    "Đặng Ngọc Bảo Châu",
    "Y Wang Hwing",
    "H'Hen Niê",
    "Hoàng Phạm Quỳnh Như",
];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let (plain, quoted, objects) = (table(""), table("\""), objects());
    let packed = gzipped(plain.as_bytes());
    let packed_objects = gzipped(objects.as_bytes());
    for (name, file, format) in [
        ("csv", plain.as_bytes(), FileFormat::Csv),
        ("csv_quoted", quoted.as_bytes(), FileFormat::Csv),
        ("csv_gzipped", packed.as_slice(), FileFormat::Csv),
        ("ndjson", objects.as_bytes(), FileFormat::Ndjson),
        ("ndjson_gzipped", packed_objects.as_slice(), FileFormat::Ndjson),
    ] {
        assert_eq!(well_formed(file, format), ROWS, "{name}");
        let mut group = criterion.benchmark_group("rows");
        group.throughput(Throughput::Elements(ROWS));
        group.bench_function(name, |bencher| {
            bencher.iter(|| well_formed(black_box(file), format));
        });
    }
    criterion.final_summary();
}

/// How many rows could be read.
fn well_formed(file: &[u8], format: FileFormat) -> u64 {
    let bytes_max = 1 << 30;
    let reading = Reading { format, columns: Columns::Auto, current_year: 2026, bytes_max };
    let Ok(mut reader) = RowReader::open(file, &reading, None) else {
        return 0;
    };
    let mut rows = 0;
    while let Ok(Some(row)) = reader.next_row() {
        rows += u64::from(black_box(row).content.is_ok());
    }
    rows
}

/// Names, numbers and dates that no branch can learn by heart.
fn row(at: u64) -> (&'static str, u64, u64) {
    let number = at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24;
    (NAMES[(number % 8) as usize], number % 100_000_000, number % 12 + 1)
}

fn table(quote: &str) -> String {
    let mut file = "STT,Số thuê bao,Số CCCD,Họ và tên,Ngày sinh,Giới tính,Gói cước\n".to_owned();
    for at in 0..ROWS {
        let (name, number, month) = row(at);
        let _infallible = writeln!(
            file,
            "{at},0912{number:08},0010{number:08},{quote}{name}{quote},15/{month:02}/1990,Nam,\
             {quote}V90{quote}"
        );
    }
    file
}

fn objects() -> String {
    let mut file = String::new();
    for at in 0..ROWS {
        let (name, number, month) = row(at);
        let _infallible = writeln!(
            file,
            "{{\"row_id\":{at},\"phone\":\"0912{number:08}\",\"personal_id\":\"0010{number:08}\",\
             \"full_name\":\"{name}\",\"date_of_birth\":\"1990-{month:02}-15\",\"sex\":\"male\",\
             \"plan\":\"V90\"}}"
        );
    }
    file
}

fn gzipped(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).and_then(|()| encoder.finish()).unwrap_or_default()
}

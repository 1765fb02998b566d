-- The shop of test/demo: {n} is replaced by the number of rows.
SET NAMES utf8mb4, time_zone = '+00:00', sql_mode = 'STRICT_TRANS_TABLES';
CREATE DATABASE shop DEFAULT CHARACTER SET utf8mb4;
USE shop;

CREATE TABLE customers (
    customer_id int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
    email varchar(120) NOT NULL,
    name varchar(80) NOT NULL COMMENT 'as on the card',
    born date,
    active tinyint(1) NOT NULL DEFAULT 1,
    loyalty double NOT NULL DEFAULT 0,
    flags set('vip','news','blocked') NOT NULL DEFAULT '',
    profile json,
    token binary(16),
    created datetime(6) NOT NULL DEFAULT current_timestamp(6),
    changed timestamp NOT NULL DEFAULT current_timestamp()
        ON UPDATE current_timestamp(),
    UNIQUE KEY email (email),
    KEY name (name(20))
) COMMENT = 'people who buy';

CREATE TABLE products (
    product_id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
    sku char(12) CHARACTER SET latin1 NOT NULL,
    title varchar(200) NOT NULL,
    kind enum('book','toy','tool','food') NOT NULL DEFAULT 'book',
    price decimal(10,2) NOT NULL,
    with_tax decimal(12,4) GENERATED ALWAYS AS (price * 1.19) STORED,
    weight float,
    stock mediumint NOT NULL DEFAULT 0,
    made year,
    dimensions bit(12),
    picture blob,
    description text,
    UNIQUE KEY sku (sku),
    KEY kind_price (kind, price)
);

CREATE TABLE orders (
    order_id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
    customer_id int unsigned NOT NULL,
    status enum('new','paid','shipped','done','lost') NOT NULL DEFAULT 'new',
    placed datetime(6) NOT NULL,
    ship_at time,
    notes varchar(200),
    KEY customer (customer_id, placed),
    CONSTRAINT orders_customer FOREIGN KEY (customer_id)
        REFERENCES customers (customer_id)
);

CREATE TABLE order_items (
    order_id bigint unsigned NOT NULL,
    line smallint unsigned NOT NULL,
    product_id int NOT NULL,
    quantity tinyint unsigned NOT NULL DEFAULT 1,
    price decimal(10,2) NOT NULL,
    PRIMARY KEY (order_id, line),
    KEY product (product_id),
    CONSTRAINT items_order FOREIGN KEY (order_id)
        REFERENCES orders (order_id) ON DELETE CASCADE,
    CONSTRAINT items_product FOREIGN KEY (product_id)
        REFERENCES products (product_id)
);

CREATE TABLE payments (
    payment_id bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,
    order_id bigint unsigned,
    method varchar(20) NOT NULL,
    amount decimal(12,2) NOT NULL CHECK (amount >= 0),
    paid timestamp(3) NULL,
    KEY paid (paid),
    CONSTRAINT payments_order FOREIGN KEY (order_id)
        REFERENCES orders (order_id) ON DELETE SET NULL
);

CREATE TABLE reviews (
    product_id int NOT NULL,
    stars tinyint unsigned NOT NULL,
    body mediumtext,
    written datetime NOT NULL DEFAULT current_timestamp(),
    KEY product (product_id)
) COMMENT = 'has no key';

INSERT INTO customers (email, name, born, active, loyalty, flags, profile, token, created, changed)
SELECT CONCAT('c', seq, '@example.org'),
    CONCAT(ELT(1 + seq % 5, 'Zoë', 'Ørsted', 'Иван', '王', 'Bob 😀'), ' ', seq),
    IF(seq % 13, DATE('1950-01-01') + INTERVAL seq % 20000 DAY, NULL),
    seq % 9 > 0, seq / 7, seq % 8,
    IF(seq % 11, JSON_OBJECT('id', seq, 'lang', ELT(1 + seq % 3, 'de', 'en', 'fr'), 'visits', seq % 100), NULL),
    UNHEX(MD5(seq)), '2020-01-01' + INTERVAL seq SECOND + INTERVAL seq MICROSECOND,
    '2021-06-01 12:00:00' + INTERVAL seq MINUTE
FROM seq_1_to_{120000};

INSERT INTO products (sku, title, kind, price, weight, stock, made, dimensions, picture, description)
SELECT LPAD(seq, 12, 'SKU'), CONCAT('Product N° ', seq), 1 + seq % 4, seq / 100,
    seq / 3, seq % 1000, 1990 + seq % 40, seq % 4096, UNHEX(SHA2(seq, 256)),
    REPEAT(CONCAT('about ', seq, '. '), 1 + seq % 9)
FROM seq_1_to_{30000};

INSERT INTO orders (customer_id, status, placed, ship_at, notes)
SELECT 1 + (seq * 7919) % {120000}, 1 + seq % 5,
    '2022-01-01' + INTERVAL seq * 13 SECOND + INTERVAL seq MICROSECOND,
    SEC_TO_TIME(seq % 86400), IF(seq % 4, NULL, CONCAT('ring twice, ', seq))
FROM seq_1_to_{200000};

INSERT INTO order_items (order_id, line, product_id, quantity, price)
SELECT 1 + seq DIV 2, 1 + seq % 2, 1 + (seq * 31) % {30000}, 1 + seq % 200, seq % 9999 / 100
FROM seq_0_to_{399999} WHERE seq DIV 2 < {200000};

INSERT INTO payments (order_id, method, amount, paid)
SELECT seq, ELT(1 + seq % 3, 'card', 'cash', 'invoice'), seq / 10,
    IF(seq % 17, '2022-01-01' + INTERVAL seq * 13 SECOND + INTERVAL seq % 1000 * 1000 MICROSECOND, NULL)
FROM seq_1_to_{200000};

INSERT INTO reviews (product_id, stars, body)
SELECT 1 + seq % {30000}, 1 + seq % 5, CONCAT('Nr. ', seq, ': ', REPEAT('so good! ', seq % 6))
FROM seq_1_to_{50000};

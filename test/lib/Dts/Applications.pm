# Dts::Applications: schemas of two applications as people write them over the
# years, of more than a hundred tables each, with rows: a merchant's ERP
# (modules that each have documents, lines, states, notes …) and a CRM with a
# wiki (objects with fields, revisions, links, watches …). In our own words; the
# same each time.
#
#   $my->sql(Dts::Applications::erp());      # statements, for a database at hand
package Dts::Applications;
use strict;
use warnings;

my @modules = qw(sales purchase stock finance production service hr marketing);

# What is known of a row in most applications.
sub _stamps
{
    my ($null) = @_;
    return "created_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, updated_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, deleted_at datetime NULL DEFAULT NULL";
}

# n rows of a table: a subquery that gives 1 to n.
sub _n { my ($n) = @_; return '(' . join(' UNION ALL ', map { $_ == 1 ? "SELECT $_ AS n" : "SELECT $_" } 1 .. $n) . ') x'; }

sub erp
{
    my $sql = <<'END';
CREATE TABLE `Company` (`CompanyId` int unsigned NOT NULL AUTO_INCREMENT, `Name` varchar(120) NOT NULL, `VatNumber` varchar(20) DEFAULT NULL, `Country` char(2) NOT NULL DEFAULT 'DE', `Opened` date NOT NULL, `Logo` mediumblob, `Rate` decimal(9,4) NOT NULL DEFAULT '1.0000', PRIMARY KEY (`CompanyId`), UNIQUE KEY `VatNumber` (`VatNumber`), KEY `Name` (`Name`(20))) ENGINE=InnoDB COMMENT='who sells';
CREATE TABLE currency (code char(3) CHARACTER SET ascii NOT NULL, label varchar(40) NOT NULL, digits tinyint unsigned NOT NULL DEFAULT 2, rate double NOT NULL DEFAULT 1, PRIMARY KEY (code));
CREATE TABLE unit (id smallint unsigned NOT NULL AUTO_INCREMENT, symbol varchar(10) NOT NULL, kind enum('piece','mass','length','time') NOT NULL DEFAULT 'piece', PRIMARY KEY (id), UNIQUE KEY symbol (symbol));
CREATE TABLE user_account (id int unsigned NOT NULL AUTO_INCREMENT, login varchar(60) NOT NULL, password_hash varbinary(64) NOT NULL, rights set('read','write','approve','admin') NOT NULL DEFAULT 'read', active tinyint(1) NOT NULL DEFAULT '1', last_login datetime DEFAULT NULL, settings text, PRIMARY KEY (id), UNIQUE KEY login (login), KEY last_login (last_login));
CREATE TABLE item_group (id int NOT NULL AUTO_INCREMENT, parent_id int DEFAULT NULL, name varchar(80) NOT NULL, path varchar(255) NOT NULL DEFAULT '', lft int NOT NULL DEFAULT 0, rgt int NOT NULL DEFAULT 0, PRIMARY KEY (id), KEY tree (lft, rgt), KEY parent_id (parent_id), CONSTRAINT item_group_parent FOREIGN KEY (parent_id) REFERENCES item_group (id) ON DELETE SET NULL);
CREATE TABLE item (id bigint unsigned NOT NULL AUTO_INCREMENT, sku varchar(40) NOT NULL, group_id int DEFAULT NULL, unit_id smallint unsigned NOT NULL, title varchar(200) NOT NULL, body longtext, price decimal(12,2) NOT NULL DEFAULT '0.00', weight float DEFAULT NULL, ean bigint unsigned DEFAULT NULL, stock_from date DEFAULT NULL, flags bit(4) NOT NULL DEFAULT b'0', `order` int NOT NULL DEFAULT '0', `key` varchar(20) DEFAULT NULL,
  PRIMARY KEY (id), UNIQUE KEY sku (sku), KEY group_unit (group_id, unit_id), KEY `key` (`key`), FULLTEXT KEY search (title, body), CONSTRAINT item_group FOREIGN KEY (group_id) REFERENCES item_group (id) ON DELETE SET NULL ON UPDATE CASCADE, CONSTRAINT item_unit FOREIGN KEY (unit_id) REFERENCES unit (id));
CREATE TABLE price_list (item_id bigint unsigned NOT NULL, currency_code char(3) CHARACTER SET ascii NOT NULL, valid_from date NOT NULL, valid_to date DEFAULT NULL, amount decimal(12,4) NOT NULL, PRIMARY KEY (item_id, currency_code, valid_from), KEY valid (valid_from, valid_to), CONSTRAINT pl_item FOREIGN KEY (item_id) REFERENCES item (id) ON DELETE CASCADE, CONSTRAINT pl_cur FOREIGN KEY (currency_code) REFERENCES currency (code));
CREATE TABLE audit_log (at datetime NOT NULL, who varchar(60), what varchar(200), detail text) ENGINE=MyISAM;
CREATE TABLE session_store (id char(32) CHARACTER SET ascii NOT NULL, data blob NOT NULL, expires int unsigned NOT NULL, PRIMARY KEY (id), KEY expires (expires)) ENGINE=InnoDB;
INSERT INTO `Company` (`Name`, `VatNumber`, `Opened`) VALUES ('Müller & Söhne', 'DE1', '1987-03-01'), ('Żółw', NULL, '2001-12-31');
INSERT INTO currency VALUES ('EUR', 'Euro', 2, 1), ('JPY', 'Yen', 0, 161.5); INSERT INTO unit (symbol, kind) VALUES ('pcs', 'piece'), ('kg', 'mass');
INSERT INTO user_account (login, password_hash, rights, last_login) VALUES ('root', X'00FF10', 'read,admin', '2024-02-29 23:59:59'), ('eve', X'', '', NULL);
INSERT INTO item_group (parent_id, name) VALUES (NULL, 'all'), (1, 'Bücher'), (2, 'Comics');
INSERT INTO audit_log VALUES ('2024-01-01 00:00:00', 'root', 'login', NULL), ('2024-01-01 00:00:00', 'root', 'login', NULL);
INSERT INTO session_store VALUES ('0123456789abcdef0123456789abcdef', X'80027D', 4294967295);
END
    $sql .= 'INSERT INTO item (sku, group_id, unit_id, title, price, weight, ean, flags) SELECT CONCAT(\'SKU-\', n), 1 + n % 3, 1 + n % 2, CONCAT(\'item \', n), n * 1.25, n / 3, 18446744073709551615 - n, n % 16 FROM ' . _n(40) . ";\n";
    $sql .= "INSERT INTO price_list SELECT id, 'EUR', '2024-01-01', NULL, price FROM item;\n";
    for my $m (@modules)
    {
        my $stamps = _stamps();
        $sql .= <<"END";
CREATE TABLE ${m}_partner (id int unsigned NOT NULL AUTO_INCREMENT, company_id int unsigned NOT NULL, name varchar(120) NOT NULL, email varchar(160) DEFAULT NULL, phone varchar(40) DEFAULT '', kind enum('person','company') NOT NULL DEFAULT 'company', credit decimal(14,2) unsigned DEFAULT NULL, $stamps, PRIMARY KEY (id), UNIQUE KEY email (email), KEY company_name (company_id, name), CONSTRAINT ${m}_partner_company FOREIGN KEY (company_id) REFERENCES `Company` (`CompanyId`)) COMMENT='partners of $m';
CREATE TABLE ${m}_address (id int unsigned NOT NULL AUTO_INCREMENT, partner_id int unsigned NOT NULL, kind set('bill','ship') NOT NULL DEFAULT 'bill,ship', street varchar(120) NOT NULL DEFAULT '', zip varchar(12) DEFAULT NULL, city varchar(80) NOT NULL COMMENT 'as the post has it', lat double DEFAULT NULL, lon double DEFAULT NULL, PRIMARY KEY (id), KEY zip (zip), CONSTRAINT ${m}_address_partner FOREIGN KEY (partner_id) REFERENCES ${m}_partner (id) ON DELETE CASCADE);
CREATE TABLE ${m}_document (id bigint unsigned NOT NULL AUTO_INCREMENT, number varchar(30) NOT NULL, partner_id int unsigned DEFAULT NULL, owner_id int unsigned NOT NULL, currency_code char(3) CHARACTER SET ascii NOT NULL DEFAULT 'EUR', state enum('draft','open','done','void') NOT NULL DEFAULT 'draft', day date NOT NULL, due date DEFAULT NULL, net decimal(14,2) NOT NULL DEFAULT 0, tax decimal(14,2) NOT NULL DEFAULT 0, gross decimal(15,2) AS (net + tax) STORED, note text, $stamps,
  PRIMARY KEY (id), UNIQUE KEY number (number), KEY state_day (state, day), KEY partner_id (partner_id), CONSTRAINT ${m}_document_partner FOREIGN KEY (partner_id) REFERENCES ${m}_partner (id) ON DELETE SET NULL, CONSTRAINT ${m}_document_owner FOREIGN KEY (owner_id) REFERENCES user_account (id), CONSTRAINT ${m}_document_currency FOREIGN KEY (currency_code) REFERENCES currency (code));
CREATE TABLE ${m}_line (document_id bigint unsigned NOT NULL, position smallint unsigned NOT NULL, item_id bigint unsigned DEFAULT NULL, title varchar(200) NOT NULL, quantity decimal(12,3) NOT NULL DEFAULT '1.000', price decimal(12,4) NOT NULL DEFAULT '0.0000', discount float NOT NULL DEFAULT '0', PRIMARY KEY (document_id, position), KEY item_id (item_id), CONSTRAINT ${m}_line_document FOREIGN KEY (document_id) REFERENCES ${m}_document (id) ON DELETE CASCADE, CONSTRAINT ${m}_line_item FOREIGN KEY (item_id) REFERENCES item (id) ON DELETE SET NULL);
CREATE TABLE ${m}_state_history (id bigint NOT NULL AUTO_INCREMENT, document_id bigint unsigned NOT NULL, old_state varchar(10) DEFAULT NULL, new_state varchar(10) NOT NULL, at datetime(3) NOT NULL, by_id int unsigned DEFAULT NULL, PRIMARY KEY (id), KEY document_at (document_id, at), CONSTRAINT ${m}_history_document FOREIGN KEY (document_id) REFERENCES ${m}_document (id) ON DELETE CASCADE, CONSTRAINT ${m}_history_user FOREIGN KEY (by_id) REFERENCES user_account (id) ON DELETE SET NULL);
CREATE TABLE ${m}_note (id int NOT NULL AUTO_INCREMENT, document_id bigint unsigned NOT NULL, body mediumtext NOT NULL, pinned tinyint(1) NOT NULL DEFAULT 0, PRIMARY KEY (id), KEY body (body(40)), CONSTRAINT ${m}_note_document FOREIGN KEY (document_id) REFERENCES ${m}_document (id) ON DELETE CASCADE);
CREATE TABLE ${m}_attachment (id int NOT NULL AUTO_INCREMENT, document_id bigint unsigned NOT NULL, file_name varchar(255) NOT NULL, mime varchar(80) NOT NULL DEFAULT 'application/octet-stream', size int unsigned NOT NULL DEFAULT 0, content longblob, sha binary(20) DEFAULT NULL, PRIMARY KEY (id), CONSTRAINT ${m}_attachment_document FOREIGN KEY (document_id) REFERENCES ${m}_document (id) ON DELETE CASCADE);
CREATE TABLE ${m}_tag (id smallint NOT NULL AUTO_INCREMENT, name varchar(40) NOT NULL, color char(6) NOT NULL DEFAULT 'FFFFFF', PRIMARY KEY (id), UNIQUE KEY name (name));
CREATE TABLE ${m}_document_tag (document_id bigint unsigned NOT NULL, tag_id smallint NOT NULL, PRIMARY KEY (document_id, tag_id), CONSTRAINT ${m}_dt_document FOREIGN KEY (document_id) REFERENCES ${m}_document (id) ON DELETE CASCADE, CONSTRAINT ${m}_dt_tag FOREIGN KEY (tag_id) REFERENCES ${m}_tag (id) ON DELETE CASCADE);
CREATE TABLE ${m}_counter (name varchar(30) NOT NULL, year year NOT NULL, value int unsigned NOT NULL DEFAULT '0', PRIMARY KEY (name, year));
CREATE TABLE ${m}_setting (name varchar(60) NOT NULL, value text, kind enum('text','number','yes/no') NOT NULL DEFAULT 'text', UNIQUE KEY name (name));
CREATE TABLE ${m}_import (batch int NOT NULL, line int NOT NULL, raw text, problem varchar(200) DEFAULT NULL, KEY batch (batch));
INSERT INTO ${m}_partner (company_id, name, email) VALUES (1, 'Ωmega', 'a\@$m.example'), (2, 'Søren', NULL); INSERT INTO ${m}_address (partner_id, street, city) VALUES (1, 'Straße 1', 'Köln'), (2, '', 'Århus');
INSERT INTO ${m}_document (number, partner_id, owner_id, state, day, net, tax) SELECT CONCAT('$m-', n), 1 + n % 2, 1 + n % 2, ELT(1 + n % 4, 'draft', 'open', 'done', 'void'), DATE_ADD('2023-01-01', INTERVAL n DAY), n * 10, n * 1.9 FROM @{[ _n(12) ]};
INSERT INTO ${m}_line (document_id, position, item_id, title, quantity, price) SELECT d.id, n, n, CONCAT('line ', n), n / 2, n * 3.3333 FROM ${m}_document d, @{[ _n(3) ]};
INSERT INTO ${m}_state_history (document_id, new_state, at, by_id) SELECT id, state, '2023-05-05 05:05:05.125', owner_id FROM ${m}_document; INSERT INTO ${m}_note (document_id, body) VALUES (1, 'text with \\\\ and ''quotes'''); INSERT INTO ${m}_attachment (document_id, file_name, content, sha) VALUES (2, 'ä.pdf', X'25504446000A', UNHEX(LEFT(SHA2('$m', 256), 40)));
INSERT INTO ${m}_tag (name) VALUES ('urgent'), ('später'); INSERT INTO ${m}_document_tag VALUES (1, 1), (1, 2); INSERT INTO ${m}_counter VALUES ('no', 2024, 12); INSERT INTO ${m}_setting VALUES ('theme', 'dark', 'text'); INSERT INTO ${m}_import VALUES (1, 1, 'a;b', NULL), (1, 1, 'a;b', NULL);
CREATE VIEW ${m}_open AS SELECT d.id, d.number, p.name AS partner, d.gross, d.due FROM ${m}_document d LEFT JOIN ${m}_partner p ON p.id = d.partner_id WHERE d.state = 'open' AND d.deleted_at IS NULL;
CREATE VIEW ${m}_turnover AS SELECT YEAR(day) AS y, MONTH(day) AS m, COUNT(*) AS documents, SUM(net) AS net, IFNULL(MAX(due), MAX(day)) AS last FROM ${m}_document GROUP BY YEAR(day), MONTH(day);
END
    }
    # what does not come along, each in its way
    $sql .= <<'END';
CREATE FUNCTION nice_number(n int) RETURNS varchar(20) CHARSET utf8mb4 DETERMINISTIC RETURN CONCAT('No. ', n);
CREATE PROCEDURE close_year() DELETE FROM session_store;
CREATE TRIGGER item_bi BEFORE INSERT ON item FOR EACH ROW SET NEW.title = TRIM(NEW.title);
CREATE VIEW nice_items AS SELECT id, nice_number(id) AS nice FROM item;
CREATE VIEW over_nice AS SELECT nice FROM nice_items;
END
    return $sql;
}

my %objects = (
    account => 'industry varchar(40) DEFAULT NULL, employees int unsigned DEFAULT NULL, website varchar(255) DEFAULT NULL',
    contact => "salutation enum('','Mr','Ms','Dr') NOT NULL DEFAULT '', born date DEFAULT NULL, do_not_call tinyint(1) NOT NULL DEFAULT 0",
    lead => "source varchar(30) NOT NULL DEFAULT 'web', score tinyint NOT NULL DEFAULT -1, converted datetime DEFAULT NULL",
    deal => 'amount decimal(18,2) DEFAULT NULL, chance decimal(5,2) NOT NULL DEFAULT 50.00, closes date DEFAULT NULL',
    ticket => "priority enum('low','normal','high') NOT NULL DEFAULT 'normal', answered timestamp NULL DEFAULT NULL, minutes mediumint unsigned NOT NULL DEFAULT 0",
    campaign => 'budget double DEFAULT NULL, starts datetime DEFAULT NULL, ends datetime DEFAULT NULL, reply_rate float DEFAULT NULL',
    page => "slug varchar(190) NOT NULL DEFAULT '', body longtext, is_draft bit(1) NOT NULL DEFAULT b'0'",
    task => 'due datetime(6) DEFAULT NULL, took time DEFAULT NULL, weekday tinyint(1) DEFAULT NULL',
    product => "code varchar(30) CHARACTER SET latin1 COLLATE latin1_swedish_ci NOT NULL DEFAULT '', made_in year DEFAULT NULL",
    invoice => 'total decimal(30,10) NOT NULL DEFAULT 0, paid bigint NOT NULL DEFAULT 0',
);

sub crm
{
    my $sql = <<'END';
CREATE TABLE users (id char(36) NOT NULL, user_name varchar(60) NOT NULL, is_admin tinyint(1) DEFAULT 0, reports_to char(36) DEFAULT NULL, PRIMARY KEY (id), UNIQUE KEY idx_user_name (user_name), KEY idx_reports (reports_to), CONSTRAINT fk_reports FOREIGN KEY (reports_to) REFERENCES users (id));
CREATE TABLE namespaces (id int NOT NULL, name varbinary(255) NOT NULL, PRIMARY KEY (id));
CREATE TABLE config (category varchar(32) NOT NULL, name varchar(32) NOT NULL, value longtext, KEY idx_cat (category));
CREATE TABLE job_queue (id bigint unsigned NOT NULL AUTO_INCREMENT, cmd varbinary(60) NOT NULL DEFAULT '', params blob NOT NULL, run_after timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, attempts int NOT NULL DEFAULT 0, sha1 varbinary(32) NOT NULL DEFAULT '', PRIMARY KEY (id), KEY job_cmd (cmd, params(128)), KEY job_sha1 (sha1));
CREATE TABLE relationships (id char(36) NOT NULL, lhs_module varchar(100) DEFAULT NULL, rhs_module varchar(100) DEFAULT NULL, kind varchar(64) DEFAULT NULL, PRIMARY KEY (id), KEY idx_modules (lhs_module, rhs_module));
INSERT INTO users VALUES ('00000000-0000-0000-0000-000000000001', 'admin', 1, NULL), ('00000000-0000-0000-0000-000000000002', 'zoë', 0, '00000000-0000-0000-0000-000000000001');
INSERT INTO namespaces VALUES (0, ''), (1, 'Talk'), (-1, X'C3A4FF'); INSERT INTO config VALUES ('site', 'title', 'Ünïcödé'), ('site', 'title', 'Ünïcödé'); INSERT INTO job_queue (cmd, params) VALUES ('refresh', X'00'), ('mail', REPEAT('x', 300));
END
    my $i = 0;
    for my $o (sort keys %objects)
    {
        my $other = (sort keys %objects)[ ($i++ + 1) % keys %objects ];
        my $table = $o . 's';
        $sql .= <<"END";
CREATE TABLE $table (id char(36) NOT NULL, name varchar(255) DEFAULT NULL, description text, assigned_user_id char(36) DEFAULT NULL, date_entered datetime NOT NULL DEFAULT '2000-01-01 00:00:00', date_modified datetime DEFAULT NULL, deleted tinyint(1) DEFAULT '0', $objects{$o}, PRIMARY KEY (id), KEY idx_${o}_name (name(100), deleted), KEY idx_${o}_assigned (assigned_user_id, deleted)) COMMENT='${o}s of the CRM';
CREATE TABLE ${table}_cstm (id_c char(36) NOT NULL, field_a_c varchar(100) DEFAULT 'it''s', field_b_c int DEFAULT NULL, field_c_c decimal(26,6) DEFAULT NULL, field_d_c set('x','y','z') DEFAULT 'x,z', PRIMARY KEY (id_c), CONSTRAINT ${o}_cstm FOREIGN KEY (id_c) REFERENCES $table (id) ON DELETE CASCADE);
CREATE TABLE ${table}_audit (id bigint NOT NULL AUTO_INCREMENT, parent_id char(36) NOT NULL, date_created datetime(6) DEFAULT NULL, created_by varchar(36) DEFAULT NULL, field_name varchar(100) DEFAULT NULL, before_value_string varchar(255) DEFAULT NULL, after_value_string varchar(255) DEFAULT NULL, before_value_text text, after_value_text text, PRIMARY KEY (id), KEY idx_${o}_parent (parent_id));
CREATE TABLE ${table}_email (${o}_id char(36) NOT NULL, address varchar(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, address_caps varchar(190) AS (UPPER(address)) STORED, opt_out tinyint(1) NOT NULL DEFAULT 0, PRIMARY KEY (${o}_id, address), KEY idx_${o}_caps (address_caps), CONSTRAINT ${o}_email FOREIGN KEY (${o}_id) REFERENCES $table (id) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE ${table}_${other}s (id int unsigned NOT NULL AUTO_INCREMENT, ${o}_id char(36) DEFAULT NULL, ${other}_id char(36) DEFAULT NULL, role enum('main','other') DEFAULT NULL, date_modified timestamp NULL DEFAULT NULL, PRIMARY KEY (id), KEY idx_$o$other (${o}_id, ${other}_id));
CREATE TABLE ${table}_revision (rev_id int unsigned NOT NULL AUTO_INCREMENT, rev_page char(36) NOT NULL, rev_comment varbinary(767) NOT NULL DEFAULT '', rev_user char(36) DEFAULT NULL, rev_timestamp binary(14) NOT NULL DEFAULT '\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0', rev_minor tinyint unsigned NOT NULL DEFAULT 0, rev_len int unsigned DEFAULT NULL, rev_parent int unsigned DEFAULT NULL, PRIMARY KEY (rev_id), UNIQUE KEY rev_page_id (rev_page, rev_id), KEY rev_timestamp (rev_timestamp), KEY user_timestamp (rev_user, rev_timestamp)) MAX_ROWS=10000000 AVG_ROW_LENGTH=1024;
CREATE TABLE ${table}_text (old_id int unsigned NOT NULL AUTO_INCREMENT, old_text mediumblob NOT NULL, old_flags tinyblob NOT NULL, PRIMARY KEY (old_id));
CREATE TABLE ${table}_watch (user_id char(36) NOT NULL, ${o}_id char(36) NOT NULL, notified varbinary(14) DEFAULT NULL, UNIQUE KEY wl_user (user_id, ${o}_id), KEY wl_$o (${o}_id), CONSTRAINT ${o}_watch_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE);
CREATE TABLE ${table}_link (from_id char(36) NOT NULL, to_url blob NOT NULL, to_index varbinary(60) NOT NULL, KEY el_from (from_id, to_url(40)), KEY el_index (to_index));
CREATE TABLE ${table}_stat (day date NOT NULL, hour tinyint unsigned NOT NULL, hits bigint unsigned NOT NULL DEFAULT 0, ratio decimal(10,8) NOT NULL DEFAULT 0, PRIMARY KEY (day, hour)) ENGINE=MyISAM;
INSERT INTO $table (id, name, description, assigned_user_id, date_modified) SELECT CONCAT('$o-', LPAD(n, 6, '0')), CONCAT('$o ', n), REPEAT('lorem ipsum ', n), '00000000-0000-0000-0000-000000000002', DATE_ADD('2020-02-28 12:00:00', INTERVAL n HOUR) FROM @{[ _n(15) ]};
INSERT INTO ${table}_cstm (id_c, field_b_c, field_c_c) SELECT id, 7, 1 / 3 FROM $table; INSERT INTO ${table}_audit (parent_id, date_created, field_name) SELECT id, '2021-01-01 01:02:03.000004', 'name' FROM $table; INSERT INTO ${table}_email (${o}_id, address) SELECT id, CONCAT(id, '\@Example.org') FROM $table;
INSERT INTO ${table}_${other}s (${o}_id, ${other}_id, role) SELECT id, id, 'main' FROM $table; INSERT INTO ${table}_revision (rev_page, rev_comment, rev_timestamp) SELECT id, 'é', '20240101000000' FROM $table; INSERT INTO ${table}_text (old_text, old_flags) VALUES (X'1F8B08', 'gzip'), ('plain', ''); INSERT INTO ${table}_watch SELECT assigned_user_id, id, NULL FROM $table;
INSERT INTO ${table}_link VALUES ('1', 'http://a', 'a'), ('1', 'http://a', 'a'); INSERT INTO ${table}_stat VALUES ('2024-01-01', 5, 18446744073709551615, 0.5);
CREATE VIEW ${o}_list AS SELECT o.id, COALESCE(o.name, '-') AS name, u.user_name, DATE_FORMAT(o.date_entered, '%Y-%m') AS month, CONCAT(u.user_name, ': ', o.name) AS label FROM $table o JOIN users u ON u.id = o.assigned_user_id WHERE o.deleted = 0;
CREATE VIEW ${o}_editors AS SELECT r.rev_page, COUNT(DISTINCT r.rev_user) AS editors, MAX(r.rev_id) AS last FROM ${table}_revision r GROUP BY r.rev_page HAVING COUNT(*) > 0;
END
    }
    $sql .= "CREATE FUNCTION initials(s varchar(60)) RETURNS varchar(5) CHARSET utf8mb4 DETERMINISTIC RETURN LEFT(s, 1); CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM job_queue; CREATE VIEW user_initials AS SELECT id, initials(user_name) AS i FROM users;\n";
    return $sql;
}

1;

/*-------------------------------------------------------------------------
 *
 * choices.h
 *	  What options may be that are one word of several. Each word stands here
 *	  once, next to its constant; options.c makes the range of an option of
 *	  them, and a field holds the constant.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_CHOICES_H
#define DTSMIG_CHOICES_H

/* A list is a macro of X(constant, word). */
#define CHOICE_CONSTANT(constant, word) constant,
#define CHOICE_WORD(constant, word) "," word
/* "report,ignore", as a constant expression */
#define CHOICE_WORDS(list) (&list(CHOICE_WORD)[1])

/* The MySQL family's BIT(1) */
#define BIT1_CHOICES(X) \
	X(BIT1_BIT, "bit") \
	X(BIT1_BOOLEAN, "boolean")
/* its columns whose collation takes upper and lower case to be equal */
#define CI_COLLATION_CHOICES(X) \
	X(CI_COLLATION_DEFAULT, "default") \
	X(CI_COLLATION_NONDETERMINISTIC, "nondeterministic") \
	X(CI_COLLATION_CITEXT, "citext")
/* tables that are at the destination before the task */
#define CONFLICT_CHOICES(X) \
	X(CONFLICT_REPORT, "report") \
	X(CONFLICT_IGNORE, "ignore")
/* DDL that fails */
#define DDL_ERROR_CHOICES(X) \
	X(DDL_ERROR_STOP, "stop") \
	X(DDL_ERROR_LOG, "log")
#define ENUM_TYPE_CHOICES(X) \
	X(ENUM_TYPE_ENUM, "enum") \
	X(ENUM_TYPE_TEXT, "text")
/* index 0 of an ENUM, '' */
#define ENUM_ERROR_CHOICES(X) \
	X(ENUM_ERROR_NULL, "null") \
	X(ENUM_ERROR_ERROR, "error")
#define FULLTEXT_CHOICES(X) \
	X(FULLTEXT_INDEX, "index") \
	X(FULLTEXT_SKIP, "skip")
/* these three: values that the MySQL family cannot hold */
#define JSON_NUMBER_CHOICES(X) \
	X(JSON_NUMBER_ERROR, "error") \
	X(JSON_NUMBER_TEXT, "text") \
	X(JSON_NUMBER_DOUBLE, "double")
#define OUT_OF_RANGE_CHOICES(X) \
	X(OUT_OF_RANGE_ERROR, "error") \
	X(OUT_OF_RANGE_NULL, "null") \
	X(OUT_OF_RANGE_CLAMP, "clamp")
#define SPECIAL_NUMBER_CHOICES(X) \
	X(SPECIAL_NUMBER_ERROR, "error") \
	X(SPECIAL_NUMBER_NULL, "null")
#define JSON_CHOICES(X) \
	X(JSON_TO_JSONB, "jsonb") \
	X(JSON_TO_JSON, "json")
/* default: schemas and tables of the MySQL family in lower case, columns as they are */
#define NAME_CASE_CHOICES(X) \
	X(NAME_CASE_DEFAULT, "default") \
	X(NAME_CASE_SOURCE, "source") \
	X(NAME_CASE_LOWER, "lower") \
	X(NAME_CASE_UPPER, "upper")
/* text with a byte 0x00 */
#define NUL_BYTE_CHOICES(X) \
	X(NUL_BYTE_ERROR, "error") \
	X(NUL_BYTE_STRIP, "strip") \
	X(NUL_BYTE_REPLACE, "replace")
/* ON UPDATE CURRENT_TIMESTAMP */
#define ON_UPDATE_CHOICES(X) \
	X(ON_UPDATE_TRIGGER, "trigger") \
	X(ON_UPDATE_IGNORE, "ignore")
/* changes that came to the source by replication */
#define ORIGIN_CHOICES(X) \
	X(ORIGIN_ANY, "any") \
	X(ORIGIN_NONE, "none")
#define PARTITIONS_CHOICES(X) \
	X(PARTITIONS_PLAIN, "plain") \
	X(PARTITIONS_KEEP, "keep")
/* tables of a PostgreSQL source whose log does not say which row is meant */
#define REPLICA_IDENTITY_CHOICES(X) \
	X(REPLICA_IDENTITY_CHECK, "check") \
	X(REPLICA_IDENTITY_SET_FULL, "full") \
	X(REPLICA_IDENTITY_SET_ALL, "all")
#define SET_TYPE_CHOICES(X) \
	X(SET_TYPE_ARRAY, "array") \
	X(SET_TYPE_TEXT, "text")
#define TIME_CHOICES(X) \
	X(TIME_TO_TIME, "time") \
	X(TIME_TO_INTERVAL, "interval")
#define TINYINT1_CHOICES(X) \
	X(TINYINT1_SMALLINT, "smallint") \
	X(TINYINT1_BOOLEAN, "boolean")

typedef enum Bit1Choice {BIT1_CHOICES(CHOICE_CONSTANT)} Bit1Choice;
typedef enum CiCollationPolicy {CI_COLLATION_CHOICES(CHOICE_CONSTANT)} CiCollationPolicy;
typedef enum ConflictChoice {CONFLICT_CHOICES(CHOICE_CONSTANT)} ConflictChoice;
typedef enum DdlErrorChoice {DDL_ERROR_CHOICES(CHOICE_CONSTANT)} DdlErrorChoice;
typedef enum EnumTypeChoice {ENUM_TYPE_CHOICES(CHOICE_CONSTANT)} EnumTypeChoice;
typedef enum EnumErrorPolicy {ENUM_ERROR_CHOICES(CHOICE_CONSTANT)} EnumErrorPolicy;
typedef enum FulltextChoice {FULLTEXT_CHOICES(CHOICE_CONSTANT)} FulltextChoice;
typedef enum JsonChoice {JSON_CHOICES(CHOICE_CONSTANT)} JsonChoice;
typedef enum JsonNumberPolicy {JSON_NUMBER_CHOICES(CHOICE_CONSTANT)} JsonNumberPolicy;
typedef enum NameCase {NAME_CASE_CHOICES(CHOICE_CONSTANT)} NameCase;
typedef enum NulBytePolicy {NUL_BYTE_CHOICES(CHOICE_CONSTANT)} NulBytePolicy;
typedef enum OnUpdateChoice {ON_UPDATE_CHOICES(CHOICE_CONSTANT)} OnUpdateChoice;
typedef enum OriginChoice {ORIGIN_CHOICES(CHOICE_CONSTANT)} OriginChoice;
typedef enum OutOfRangePolicy {OUT_OF_RANGE_CHOICES(CHOICE_CONSTANT)} OutOfRangePolicy;
typedef enum PartitionsChoice {PARTITIONS_CHOICES(CHOICE_CONSTANT)} PartitionsChoice;
typedef enum ReplicaIdentityChoice
{
	REPLICA_IDENTITY_CHOICES(CHOICE_CONSTANT)
} ReplicaIdentityChoice;
typedef enum SetTypeChoice {SET_TYPE_CHOICES(CHOICE_CONSTANT)} SetTypeChoice;
typedef enum SpecialNumberPolicy {SPECIAL_NUMBER_CHOICES(CHOICE_CONSTANT)} SpecialNumberPolicy;
typedef enum TimeChoice {TIME_CHOICES(CHOICE_CONSTANT)} TimeChoice;
typedef enum Tinyint1Choice {TINYINT1_CHOICES(CHOICE_CONSTANT)} Tinyint1Choice;

#endif							/* DTSMIG_CHOICES_H */

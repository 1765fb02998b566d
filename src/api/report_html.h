/*-------------------------------------------------------------------------
 *
 * report_html.h
 *	  Pieces of the page that dtsmig.report makes: text and charts.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DTSMIG_REPORT_HTML_H
#define DTSMIG_REPORT_HTML_H

#include "postgres.h"
#include "lib/stringinfo.h"

/*
 * Appends text of any kind, as text: what means something in HTML is escaped,
 * and what is not ASCII is written as a character reference, so that the page
 * reads the same whatever encoding it is saved in. NULL: nothing.
 */
extern void html_text(StringInfo buf, const char *text);

/* A line of a chart. */
typedef struct ChartSeries
{
	const char *name;			/* for the legend */
	const char *css;			/* class that gives the colour */
	const double *y;			/* one for each x; NaN: none */
} ChartSeries;

typedef struct Chart
{
	const char *title;
	const char *unit;			/* behind the values of the axis */
	bool		binary;			/* values are bytes */
	int			n;
	const double *x;			/* seconds since the epoch, rising */
	double		gap;			/* seconds without a value that are a gap */
	int			nseries;
	ChartSeries series[2];
} Chart;

/* Appends a figure with an SVG. */
extern void chart_append(StringInfo buf, const Chart *chart);
/* "1.2 M", "34.5 kB": for people. */
extern char *human_number(double value, bool binary);

#endif							/* DTSMIG_REPORT_HTML_H */

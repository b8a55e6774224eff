// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "check_findings.h"
#include "check_include.h"

#define DEPTH_MAX 16		/* as in nft */
#define NFT_DIRECTORY "/etc"	/* where nft looks for names without ./ or / */

static int read_file(struct check_source *source, const char *path, unsigned int depth);

static int add_text(struct check_source *source, const char *text, size_t length)
{
	char *bigger = realloc(source->text, source->length + length + 1);

	if (!bigger)
		return -ENOMEM;
	source->text = bigger;
	memcpy(bigger + source->length, text, length);
	source->length += length;
	bigger[source->length] = '\0';
	return 0;
}

static int add_line(struct check_source *source, const char *text, size_t length, size_t file,
		    size_t number)
{
	struct check_origin *origin;

	origin = check_grow(source->lines, source->line_count, sizeof(*origin));
	if (!origin)
		return -ENOMEM;
	source->lines = origin;
	origin += source->line_count++;
	origin->file = file;
	origin->line = number;
	/* Every line ends, so that the next file's first one is not joined to it. */
	return add_text(source, text, length) ?: add_text(source, "\n", 1);
}

/*
 * The file that a line includes, to be freed; NULL if it is no such line. One with anything else
 * in it is left to nft.
 */
static char *included(const char *line, size_t length)
{
	const char *end = line + length, *name;

	line += strspn(line, " \t");
	if (end - line < 9 || strncmp(line, "include", 7) || !strchr(" \t\"", line[7]))
		return NULL;
	line += 7 + strspn(line + 7, " \t");
	if (line >= end || *line != '"')
		return NULL;
	name = ++line;
	line = memchr(line, '"', (size_t)(end - line));
	if (!line)
		return NULL;
	length = (size_t)(line++ - name);
	line += strspn(line, " \t;\r");
	return line >= end || *line == '#' ? strndup(name, length) : NULL;
}

/* As nft finds it, to be freed. */
static char *include_path(const char *name)
{
	if (name[0] == '/' || !strncmp(name, "./", 2) || !strncmp(name, "../", 3))
		return strdup(name);
	return check_sentence(NFT_DIRECTORY "/%s", name);
}

/* 1 if the line is to stay as it is: then nft says what is wrong with it. */
static int include(struct check_source *source, const char *name, unsigned int depth)
{
	char *path = include_path(name);
	glob_t found = { 0 };
	int err = 0;
	size_t i;

	if (!path)
		return -ENOMEM;
	if (depth == DEPTH_MAX) {
		err = 1;
	} else if (!strpbrk(path, "*?[")) {
		err = read_file(source, path, depth + 1);
		if (err && err != -ENOMEM)
			err = 1;
	} else if (!glob(path, 0, NULL, &found)) {
		for (i = 0; i < found.gl_pathc && !err; i++)
			err = read_file(source, found.gl_pathv[i], depth + 1);
	}
	globfree(&found);
	free(path);
	return err;
}

static int add_lines(struct check_source *source, const char *text, size_t file,
		     unsigned int depth)
{
	size_t number = 0, length;
	char *name;
	int err = 0;

	for (; *text && !err; text += length + (text[length] == '\n')) {
		number++;
		length = strcspn(text, "\n");
		name = included(text, length);
		err = name ? include(source, name, depth) : 1;
		free(name);
		if (err == 1)
			err = add_line(source, text, length, file, number);
	}
	return err;
}

/* The whole of @file, to be freed. */
static char *slurp(FILE *file)
{
	size_t size = 0, got;
	char *text = NULL, *bigger;

	do {
		bigger = realloc(text, size + 65536 + 1);
		if (!bigger) {
			free(text);
			return NULL;
		}
		text = bigger;
		got = fread(text + size, 1, 65536, file);
		size += got;
	} while (got);
	text[size] = '\0';
	return text;
}

/* A negative errno. Nothing is added if the file cannot be read. */
static int read_file(struct check_source *source, const char *path, unsigned int depth)
{
	bool is_stdin = !strcmp(path, "-");
	FILE *file = is_stdin ? stdin : fopen(path, "re");
	char **files, *text;
	int err;

	if (!file)
		return -errno;
	errno = 0;
	text = slurp(file);
	err = ferror(file) ? -(errno ? errno : EIO) : 0;
	if (!is_stdin)
		fclose(file);
	files = check_grow(source->files, source->file_count, sizeof(*files));
	if (files) {
		source->files = files;
		if (!err && text)
			files[source->file_count] = strdup(path);
	}
	if (!err && (!text || !files || !files[source->file_count]))
		err = -ENOMEM;
	if (!err)
		err = add_lines(source, text, source->file_count++, depth);
	free(text);
	return err;
}

char *check_source_read(struct check_source *source, const char *path)
{
	int err;

	memset(source, 0, sizeof(*source));
	err = read_file(source, path, 0);
	if (!err && !source->text)
		err = add_text(source, "", 0);
	return err ? check_sentence("%s: %s", path, strerror(-err)) : NULL;
}

void check_source_exit(struct check_source *source)
{
	size_t i;

	for (i = 0; i < source->file_count; i++)
		free(source->files[i]);
	free(source->files);
	free(source->lines);
	free(source->text);
	memset(source, 0, sizeof(*source));
}

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The parts of README that scripts make from tables. Each stands between two comments with the name
# of its script.

readme_begin() {
	echo "<!-- made by scripts/$1: begin -->"
}

readme_end() {
	echo "<!-- made by scripts/$1: end -->"
}

# readme_update SCRIPT TEXT
readme_update() {
	awk -v begin="$(readme_begin "$1")" -v end="$(readme_end "$1")" -v text="$2" '
		$0 == begin { print; print ""; print text; print ""; inside = 1 }
		$0 == end { inside = 0 }
		!inside { print }' "$TOP/README.md" >"$TOP/README.md.new"
	mv "$TOP/README.md.new" "$TOP/README.md"
}

# readme_part SCRIPT: what stands there now.
readme_part() {
	awk -v begin="$(readme_begin "$1")" -v end="$(readme_end "$1")" '
		$0 == end { inside = 0 }
		inside { print }
		$0 == begin { inside = 1 }' "$TOP/README.md" | sed -e 1d -e '$d'
}

# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for coldpatch: verbs, options, templates, and files where an option or a verb takes one.
# tests/cli/manual.sh compares the options below with what each verb's --help prints.

_coldpatch_options() { # VERB
	echo --library --config --store --scratch --json --quiet --verbose --help
	case $1 in
	inspect) echo --disk --disk-key --backing --packages ;;
	mirror) echo --keyring --suite --allow --os --trust-digest --trust-package --dry-run --patchset --want --source --proxy --output --disk --disk-key --backing ;;
	plan) echo --patchset --snapshot --output --check --allow-left-behind --disk --disk-key --backing ;;
	apply)
		echo --patchset --plan --snapshot --output --output-dir --record --parent-record --key --executor \
			--actor --reason --deadline --dry-run --boot-test --allow-left-behind --disk --disk-key --backing
		;;
	verify) echo --all --since --quick --record --parent-record --public-key --backing ;;
	key) echo --directory --good --dry-run ;;
	import)
		echo --reference --copy --move --name --into --owner --purpose --review-by --trust-domain --key --actor --reason \
			--dry-run --disk --disk-key --backing
		;;
	init | clone) echo --dry-run ;;
	path) echo --pin --unpin --dry-run ;;
	rollback) echo --to --run --until --key --actor --reason --dry-run ;;
	hold) echo --reason --until --actor --key --dry-run ;;
	unhold) echo --reason --actor --key --dry-run ;;
	status) echo --check ;;
	export) echo --output --format --record --key --actor --reason --dry-run ;;
	prune) echo --keep-last --keep-within --actor --reason --dry-run ;;
	relocate) echo --actor --reason --dry-run ;;
	esac
}

# The library that the words so far name, or the environment, or the configuration.
_coldpatch_library() {
	local library=${COLDPATCH_LIBRARY-} config=/etc/coldpatch/config.yaml i
	for ((i = 2; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-L | --library) library=${COMP_WORDS[i + 1]} ;;
		--config) config=${COMP_WORDS[i + 1]} ;;
		esac
	done
	[ -n "$library" ] || library=$(sed -n "s/^library:[[:space:]]*[\"']\{0,1\}\([^\"'#]*[^\"'#[:space:]]\).*/\1/p" "$config" 2>/dev/null)
	printf '%s' "$library"
}

# Names of templates alone: others may have made directories there, and what is offered is expanded by bash.
_coldpatch_templates() {
	local LC_ALL=C library template
	library=$(_coldpatch_library)
	[ -n "$library" ] || return 0
	for template in "$library"/templates/*/; do
		template=${template%/}
		template=${template##*/}
		[[ $template =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] && echo "$template"
	done
}

_coldpatch_verbs="doctor inspect mirror plan apply verify log key init import path clone history rollback hold unhold status export prune relocate"

_coldpatch_offer() { # WORDS: those that begin as the current one does
	mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$1" -- "${COMP_WORDS[COMP_CWORD]}")
}
_coldpatch_offer_paths() { # -f, or -d for directories alone
	compopt -o filenames 2>/dev/null
	mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen "$1" -- "${COMP_WORDS[COMP_CWORD]}")
}

# What comes after an option that takes a value; 1 when it takes none.
_coldpatch_value() { # OPTION
	case $1 in
	--format) _coldpatch_offer "qcow2 raw vmdk" ;;
	--executor) _coldpatch_offer "auto sandbox appliance" ;;
	--into) _coldpatch_offer "$(_coldpatch_templates)" ;;
	--actor | --reason | --deadline | --suite | --os | --allow | --trust-digest | --trust-package | --snapshot | --proxy | \
		--name | --owner | --purpose | --review-by | \
		--trust-domain | --pin | --unpin | --to | --run | --until | --keep-last | --keep-within) ;;
	-L | --library | --store | --scratch | --directory | --output-dir) _coldpatch_offer_paths -d ;;
	-o | --output | --record | --parent-record | --config | --patchset | --plan | --key | --public-key | --keyring | --disk | --disk-key | --backing | \
		--want | --source | --since | --good) _coldpatch_offer_paths -f ;;
	*) return 1 ;;
	esac
}

# What a verb takes; a word with a / in it is no template.
_coldpatch_argument() { # VERB SUBVERB
	case "$1 $2" in
	"doctor "* | "init "* | "mirror list" | "key list") return ;;
	"log "* | "path "* | "history "* | "rollback "* | "hold "* | "unhold "* | "status "* | "export "* | "prune "*) ;;
	*) _coldpatch_offer_paths -f ;;
	esac
	case "$1 $2 ${COMP_WORDS[COMP_CWORD]}" in
	*/* | "import "* | "relocate "* | "key "* | "mirror snapshot"* | "mirror verify"* | "mirror fetch"*) ;;
	*) _coldpatch_offer "$(_coldpatch_templates)" ;;
	esac
}

_coldpatch() {
	local verb=${COMP_WORDS[1]}
	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ]; then
		_coldpatch_offer "$_coldpatch_verbs --help --version"
		return
	fi
	_coldpatch_value "${COMP_WORDS[COMP_CWORD - 1]}" && return
	case "${COMP_WORDS[COMP_CWORD]} $COMP_CWORD $verb" in
	-*) _coldpatch_offer "$(_coldpatch_options "$verb")" ;;
	*" 2 mirror") _coldpatch_offer "snapshot verify list want fetch" ;;
	*" 2 key") _coldpatch_offer "generate list retire revoke" ;;
	*" 2 log") _coldpatch_offer head ;;
	*) _coldpatch_argument "$verb" "${COMP_WORDS[2]}" ;;
	esac
}
complete -F _coldpatch coldpatch

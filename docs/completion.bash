# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for coldpatch: verbs, options, and files where an option or a verb takes one.
# tests/cli/manual.sh compares the options below with what each verb's --help prints.

_coldpatch_options() { # VERB
	echo --library --config --store --scratch --json --quiet --verbose --help
	case $1 in
	inspect) echo --disk --backing --packages ;;
	mirror) echo --keyring --suite --allow --patchset --want --source --proxy --output --disk --backing ;;
	plan) echo --patchset --snapshot --output --check --allow-left-behind --disk --backing ;;
	apply)
		echo --patchset --plan --snapshot --output --output-dir --record --parent-record --key --executor \
			--actor --reason --deadline --dry-run --boot-test --allow-left-behind --disk --backing
		;;
	verify) echo --all --since --quick --record --parent-record --public-key --backing ;;
	key) echo --directory --good --dry-run ;;
	import)
		echo --reference --copy --move --name --into --owner --purpose --review-by --trust-domain --key --actor --reason \
			--dry-run --disk --backing
		;;
	path) echo --pin ;;
	rollback) echo --to --run --until --key --actor --reason --dry-run ;;
	hold) echo --reason --until --actor --key --dry-run ;;
	unhold) echo --reason --actor --key --dry-run ;;
	status) echo --check ;;
	export) echo --output --format --record --key --actor --reason --dry-run ;;
	prune) echo --keep-last --keep-within --actor --reason --dry-run ;;
	relocate) echo --actor --reason --dry-run ;;
	esac
}

# The templates of the library that the words so far name, or the environment.
_coldpatch_templates() {
	local library=${COLDPATCH_LIBRARY-} i template
	for ((i = 2; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in -L | --library) library=${COMP_WORDS[i + 1]} ;; esac
	done
	[ -n "$library" ] || return 0
	for template in "$library"/templates/*/; do
		[ -d "$template" ] && basename "$template"
	done
}

_coldpatch() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]}
	local words=
	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "doctor inspect mirror plan apply verify log key init import path clone history rollback hold unhold status
			export prune relocate --help --version" -- "$current")
		return
	fi
	case $previous in
	--format) words="qcow2 raw vmdk" ;;
	--keep-last | --keep-within) return ;;
	--executor) words="auto sandbox appliance" ;;
	--actor | --reason | --deadline | --suite | --allow | --snapshot | --proxy | --name | --owner | --purpose | --review-by | \
		--trust-domain | --pin | --to | --run | --until) return ;;
	--into) words=$(_coldpatch_templates) ;;
	-L | --library | --store | --scratch | --directory | --output-dir)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -d -- "$current")
		return
		;;
	mirror) [ "$COMP_CWORD" = 2 ] && words="snapshot verify list want fetch" ;;
	key) [ "$COMP_CWORD" = 2 ] && words="generate list retire revoke" ;;
	log) [ "$COMP_CWORD" = 2 ] && words="head" ;;
	esac
	case $current in
	-*) words=$(_coldpatch_options "$verb") ;;
	*/*) ;;
	*)
		case $verb in
		verify | log | path | clone | history | rollback | hold | unhold | status | export | prune) [ -n "$words" ] || words=$(_coldpatch_templates) ;;
		esac
		;;
	esac
	if [ -n "$words" ]; then
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
		return
	fi
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$current")
	case $verb in
	inspect | plan | apply | verify) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$(_coldpatch_templates)" -- "$current") ;;
	esac
}
complete -F _coldpatch coldpatch

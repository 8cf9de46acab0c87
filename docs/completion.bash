# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for coldpatch: verbs, options, and files where an option or a verb takes one.
# tests/cli/manual.sh compares the options below with what each verb's --help prints.

_coldpatch_options() { # VERB
	echo --config --store --scratch --json --quiet --verbose --help
	case $1 in
	inspect) echo --disk --backing --packages ;;
	mirror) echo --keyring --suite --allow --patchset --want --source --proxy --output --disk --backing ;;
	plan) echo --patchset --snapshot --output --check --allow-left-behind --disk --backing ;;
	apply)
		echo --patchset --plan --snapshot --output --output-dir --record --parent-record --key --executor \
			--actor --reason --deadline --dry-run --boot-test --allow-left-behind --disk --backing
		;;
	verify) echo --record --parent-record --public-key --backing ;;
	key) echo --directory ;;
	esac
}

_coldpatch() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]}
	local words=
	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "doctor inspect mirror plan apply verify key --help --version" -- "$current")
		return
	fi
	case $previous in
	--executor) words="auto sandbox appliance" ;;
	--actor | --reason | --deadline | --suite | --allow | --snapshot | --proxy) return ;;
	--store | --scratch | --directory | --output-dir)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -d -- "$current")
		return
		;;
	mirror) [ "$COMP_CWORD" = 2 ] && words="snapshot verify list want fetch" ;;
	key) [ "$COMP_CWORD" = 2 ] && words="generate" ;;
	esac
	case $current in
	-*) words=$(_coldpatch_options "$verb") ;;
	esac
	if [ -n "$words" ]; then
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
		return
	fi
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$current")
}
complete -F _coldpatch coldpatch

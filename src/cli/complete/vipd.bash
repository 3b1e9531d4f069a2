# bash completion for vipd, and for ipvsadm's names of it

_vipd() {
    local program=$1 line=${COMP_LINE:0:COMP_POINT} words answer
    # ipvsadm's command line has no word to ask by: vipd is asked for it.
    case ${program##*/} in ipvsadm*) program=vipd ;; esac
    # The words as they stand: addresses are not to be split at their colons.
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    local current=${words[-1]}
    COMPREPLY=()
    mapfile -t answer < <("${program/#\~/$HOME}" complete "${words[@]}" 2>/dev/null)
    # What readline replaces begins behind the last character that separates words for it.
    local breaks=${COMP_WORDBREAKS//[^:=]/} head=
    [[ -n $breaks ]] && head=${current%"${current##*[$breaks]}"}
    local reply
    for reply in "${answer[@]}"; do
        if [[ $reply == / ]]; then
            compopt -o default
            continue
        fi
        reply=${reply%%$'\t'*}
        [[ $reply == *[=,] ]] && compopt -o nospace
        COMPREPLY+=("${reply#"$head"}")
    done
} 2>/dev/null

complete -o nosort -F _vipd vipd ipvsadm ipvsadm-save ipvsadm-restore

#compdef vipd ipvsadm ipvsadm-save ipvsadm-restore
# zsh completion for vipd, and for ipvsadm's names of it

_vipd() {
    local program=${(Q)words[1]} reply word help files=
    # ipvsadm's command line has no word to ask by: vipd is asked for it.
    [[ ${program:t} == ipvsadm* ]] && program=vipd
    local -a answer plain shown open openshown
    answer=("${(@f)$(${~program} complete "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
    for reply in $answer; do
        if [[ $reply == / ]]; then
            files=yes
            continue
        fi
        word=${reply%%$'\t'*}
        help=$word
        [[ $reply == *$'\t'* ]] && help="$word  -- ${reply#*$'\t'}"
        if [[ $word == *= ]]; then
            open+=("$word") openshown+=("$help")
        else
            plain+=("$word") shown+=("$help")
        fi
    done
    local result=1
    (( $#plain )) && compadd -V vipd -l -d shown -a plain && result=0
    (( $#open )) && compadd -V vipd -S '' -l -d openshown -a open && result=0
    [[ -n $files ]] && _files && result=0
    return result
}

# Loaded by compinit this is the function itself; read by `source` it is its definition.
if [[ $funcstack[1] == _vipd ]]; then
    _vipd "$@"
else
    compdef _vipd vipd ipvsadm ipvsadm-save ipvsadm-restore
fi

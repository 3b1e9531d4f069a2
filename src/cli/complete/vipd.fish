# fish completion for vipd, and for ipvsadm's names of it

function __vipd_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program $words[1]
    # ipvsadm's command line has no word to ask by: vipd is asked for it.
    string match -qr '(^|/)ipvsadm[^/]*$' -- $program; and set program vipd
    for reply in (command $program complete $words "$current" 2>/dev/null)
        if test "$reply" = /
            __fish_complete_path "$current"
        else
            printf '%s\n' $reply
        end
    end
end

for name in vipd ipvsadm ipvsadm-save ipvsadm-restore
    complete -c $name -f -a '(__vipd_complete)'
end

# What is there to see: nothing of the host.
echo "name $(uname -n)"
/bin/pwd -P # not "(unreachable)": the working folder is of our own mounts
ls ../proc | grep -v '^[0-9]' # subset=pid: links of our own alone, from where we start too
echo "fds" $(ls /proc/self/fd) # 3 is that of ls itself
for p in /proc/[0-9]*; do read -r n <"$p/comm" && echo "process $n"; done
grep -E '^(Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp):' /proc/self/status
grep -E '^[0-9]+:(memory|pids|cpuacct)?:' /proc/self/cgroup | cut -d: -f3 | sort -u
ls -A /home /root /srv /mnt /run /work 2>/dev/null
ls -A /tmp /dev/shm /var/tmp

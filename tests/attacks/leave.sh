# Leaves things for whoever comes next.
echo secret | tee /tmp/left /dev/shm/left >/var/tmp/left
mkfifo /tmp/fifo
ln -s /etc/passwd /tmp/out
mkdir -p /tmp/deep && cd /tmp/deep && for i in $(seq 200); do mkdir d && cd d || break; done
chmod 000 /tmp/deep
sleep 1000 &
echo left

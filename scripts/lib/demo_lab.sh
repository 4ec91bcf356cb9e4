# shellcheck shell=bash
# The demo's network, servers, units and clients. To be sourced by scripts/demo, after lab.sh.
# shellcheck disable=SC2154 # scripts/demo sets root and binary

# The units' processes, by name; the name of the one that is asked; and the namespaces that they run in.
declare -A units=()
shown=a
declare -rA HOSTS=([a]=unit [b]=standby)

make_demo_network() {
    make_namespaces
    local side
    for side in br-out br-in; do
        make_switch unit "$side"
        make_switch standby "$side"
        join_switches "$side"
    done
    links unit <<END
link add sync type veth peer name sync netns $LAB-standby
addr add 10.9.0.1/24 dev sync
link set sync up
END
    links standby <<END
addr add 10.9.0.2/24 dev sync
link set sync up
END
    plug client br-out
    links client <<'END'
addr add 198.51.100.10/24 dev eth0
addr add 2001:db8:1::10/64 dev eth0
route add 192.0.2.0/24 dev eth0
route add 2001:db8:100::/64 dev eth0
END
    local number
    for number in 1 2 3; do
        plug "server$number" br-in
        links "server$number" <<END
addr add 10.1.0.1$number/24 dev eth0
addr add 2001:db8:2::1$number/64 dev eth0
route add default via 10.1.0.254
route add ::/0 via 2001:db8:2::fe
END
    done
}

start_servers() {
    head --bytes "${LARGE_MEGABYTES}M" /dev/urandom >"$WORK/large"
    head --bytes "${PIECE_KILOBYTES}K" /dev/urandom >"$WORK/piece"
    local number
    for number in 1 2 3; do
        start_nginx "$number"
        start_udp_echo "$number" 4
        start_udp_echo "$number" 6
        spawn ip netns exec "$LAB-server$number" python3 "$root/scripts/lib/flow.py" serve
    done
    for number in 1 2 3; do
        wait_for 10 "nginx of server $number" within "server$number" curl --silent --fail "http://10.1.0.1$number/"
        wait_for 10 "UDP echo of server $number" udp_echo_listens "$number"
    done
}

# start_nginx NUMBER: all of its files are in the work folder.
start_nginx() {
    local home="$WORK/nginx$1"
    mkdir -p "$home/pages"
    echo "server $1" >"$home/pages/index.html"
    ln "$WORK/large" "$home/pages/large"
    ln "$WORK/piece" "$home/pages/piece"
    cat >"$home/nginx.conf" <<END
daemon off;
user root;
worker_processes 1;
pid $home/pid;
error_log $home/error.log;
events { worker_connections 1024; }
http {
    access_log off;
    client_body_temp_path $home/body;
    proxy_temp_path $home/proxy;
    fastcgi_temp_path $home/fastcgi;
    uwsgi_temp_path $home/uwsgi;
    scgi_temp_path $home/scgi;
    sendfile on;
    server {
        listen 80;
        listen [::]:80;
        root $home/pages;
    }
}
END
    spawn ip netns exec "$LAB-server$1" nginx -p "$home" -e "$home/error.log" -c "$home/nginx.conf"
}

# start_udp_echo NUMBER FAMILY: answers each datagram with the server's name.
start_udp_echo() {
    spawn ip netns exec "$LAB-server$1" socat "UDP$2-RECVFROM:7,fork,reuseaddr" "SYSTEM:cat >/dev/null; echo server $1"
}

udp_echo_listens() {
    [[ $(within "server$1" ss --udp --listening --numeric --no-header 'sport = :7' | wc -l) -eq 2 ]]
}

# write_configuration NAME NUMBER ROLE: of the unit whose own addresses end in NUMBER, primary or backup.
write_configuration() {
    local name=$1 number=$2 role=$3 workers='[0]'
    [[ $(nproc) -eq 1 ]] || workers='[0, 1]'
    mkdir -p "$WORK/$name"
    [[ -e "$WORK/pair.key" ]] || (umask 077 && "$binary" key >"$WORK/pair.key")
    ln "$WORK/pair.key" "$WORK/$name/pair.key"
    cat >"$WORK/$name/unit.json" <<END
{
  "name": "$name",
  "ports": [
    {
      "name": "outside", "role": "outside", "vdev": "net_tap0,iface=tap-out",
      "addresses": ["198.51.100.$number/24", "2001:db8:1::$number/64"]
    },
    {
      "name": "inside", "role": "inside", "vdev": "net_tap1,iface=tap-in",
      "addresses": ["10.1.0.$number/24", "2001:db8:2::$number/64"]
    }
  ],
  "cores": { "control": 0, "workers": $workers },
  "idle": "sleep",
  "connections": 100000,
  "replication": {
    "key_file": "pair.key",
    "paths": [{ "local": "10.9.0.$number:7400", "peer": "10.9.0.$((3 - number)):7400" }]
  },
  "failover": {
    "role": "$role",
    "cable": { "tty": "$WORK/cable-$name" },
    "links": [
      { "local": "10.9.0.$number:7500", "peer": "10.9.0.$((3 - number)):7500" },
      { "local": "10.1.0.$number:7500", "peer": "10.1.0.$((3 - number)):7500" }
    ],
    "reachability": { "interval_ms": 100, "targets": [{ "host": "198.51.100.10", "required": true }, { "subnet": "10.1.0.0/24" }] }
  },
  "socket": "$WORK/$name.sock"
}
END
    cat >"$WORK/$name/director.json" <<'END'
{
  "groups": [{ "name": "default", "hold_s": 2, "shared_addresses": { "inside": ["10.1.0.254/24", "2001:db8:2::fe/64"] } }],
  "virtual_servers": [
    { "virtual": "192.0.2.100:80", "predictor": "roundrobin" },
    { "virtual": "192.0.2.100:7:udp", "predictor": "roundrobin" },
    { "virtual": "192.0.2.100:9000:udp", "predictor": "roundrobin" },
    { "virtual": "192.0.2.100:9001", "predictor": "roundrobin" },
    { "virtual": "[2001:db8:100::100]:80", "predictor": "roundrobin" },
    { "virtual": "[2001:db8:100::100]:7:udp", "predictor": "roundrobin" }
  ],
  "real_servers": [
    { "real": "10.1.0.11:80" }, { "real": "10.1.0.12:80" }, { "real": "10.1.0.13:80" },
    { "real": "10.1.0.11:7:udp" }, { "real": "10.1.0.12:7:udp" }, { "real": "10.1.0.13:7:udp" },
    { "real": "10.1.0.11:9000:udp" }, { "real": "10.1.0.12:9001" },
    { "real": "[2001:db8:2::11]:80" }, { "real": "[2001:db8:2::12]:80" }, { "real": "[2001:db8:2::13]:80" },
    { "real": "[2001:db8:2::11]:7:udp" }, { "real": "[2001:db8:2::12]:7:udp" }, { "real": "[2001:db8:2::13]:7:udp" }
  ],
  "bindings": [
    { "virtual": "192.0.2.100:80", "real": ["10.1.0.11:80", "10.1.0.12:80", "10.1.0.13:80"] },
    { "virtual": "192.0.2.100:7:udp", "real": ["10.1.0.11:7:udp", "10.1.0.12:7:udp", "10.1.0.13:7:udp"] },
    { "virtual": "192.0.2.100:9000:udp", "real": ["10.1.0.11:9000:udp"] },
    { "virtual": "192.0.2.100:9001", "real": ["10.1.0.12:9001"] },
    {
      "virtual": "[2001:db8:100::100]:80",
      "real": ["[2001:db8:2::11]:80", "[2001:db8:2::12]:80", "[2001:db8:2::13]:80"]
    },
    {
      "virtual": "[2001:db8:100::100]:7:udp",
      "real": ["[2001:db8:2::11]:7:udp", "[2001:db8:2::12]:7:udp", "[2001:db8:2::13]:7:udp"]
    }
  ]
}
END
}

# plug_cable: the failover cable, between both units.
plug_cable() {
    spawn "$binary" cable "$WORK/cable-a" "$WORK/cable-b"
    # shellcheck disable=SC2034 # the demo cuts it
    failover_cable=$!
    wait_for 5 "the cable" test -L "$WORK/cable-b"
}

# launch_unit NAME: starts a unit, plugs its ports into the switches, waits until it knows the way to all real servers.
launch_unit() {
    local host="${HOSTS[$1]}"
    shown=$1
    # RUNTIME_DIRECTORY: DPDK makes a folder there that it does not remove.
    spawn ip netns exec "$LAB-$host" env RUNTIME_DIRECTORY="$WORK" \
        "$binary" run --config "$WORK/$1" >"$WORK/$1.log" 2>&1
    units[$1]=$!
    wait_for 30 "the management socket of unit $1" unit_answers_or_ended
    kill -0 "${units[$1]}" 2>/dev/null || die "unit $1 ended by itself"
    links "$host" <<'END'
link set tap-out master br-out
link set tap-in master br-in
END
    wait_for 30 "MAC addresses of the real servers" real_servers_known
}

unit_answers_or_ended() {
    show status || ! kill -0 "${units[$shown]}"
}

# ask UNIT EXPRESSION: what `show failover` of a unit has there.
ask() {
    "$binary" show failover --json --socket "$WORK/$1.sock" | jq --raw-output ".failover | $2"
}

# is_state UNIT STATE
is_state() {
    [[ $(ask "$1" '.groups[0].state') == "$2" ]]
}

# active_unit: the name of the unit that forwards.
active_unit() {
    if is_state a ACTIVE; then echo a; else echo b; fi
}

# other UNIT
other() {
    if [[ $1 == a ]]; then echo b; else echo a; fi
}

# is_ready UNIT: whether it stands by and could take over.
is_ready() {
    [[ $(ask "$1" '.groups[0] | .state == "STANDBY" and .synchronized') == true ]]
}

# happened UNIT SECONDS: the units' journal of the last so many seconds.
happened() {
    ask "$1" "[.journal[] | select(.ago_ms < $2 * 1000)] | .[] | \"\(.ago_ms) ms ago: \(.what) \(.states // \"\") \(.cause)\"" |
        sed 's/^/   /'
}

# synchronized: whether the two units found their tables to be equal.
synchronized() {
    [[ $(show replication --json | jq '.replication.synchronized') == true ]]
}

real_servers_known() {
    show real --json | jq --exit-status 'all(.real[]; .next_hop.state == "resolved")'
}

# show WHAT [ARGUMENTS]: asks the unit $shown.
show() {
    "$binary" show "$@" --socket "$WORK/$shown.sock"
}

# command_unit WORD...: a command of the language, for the unit $shown.
command_unit() {
    "$binary" "$@" --socket "$WORK/$shown.sock"
}

# generation UNIT: of its configuration.
generation() {
    "$binary" configuration --json --socket "$WORK/$1.sock" | jq .generation
}

# configurations_agree: whether both units run with the same configuration.
configurations_agree() {
    local unit
    for unit in a b; do
        "$binary" configuration --json --socket "$WORK/$unit.sock" | jq --sort-keys . >"$WORK/$unit.document"
    done
    [[ $(generation a) -gt 0 ]] && cmp --silent "$WORK/a.document" "$WORK/b.document"
}

# packet_memory: what kind of memory packets are in.
packet_memory() {
    show status --json | jq --raw-output 'if .status.hugepages then "in hugepages" else "in ordinary memory" end'
}

# fetch URL COUNT: fetches a page COUNT times, each time on a new connection, into $WORK/answers. Gives up at the
# first failure.
fetch() {
    export -f fetch_repeatedly
    # shellcheck disable=SC2016 # the inner shell expands it
    attend ip netns exec "$LAB-client" bash -c 'fetch_repeatedly "$@"' fetch "$1" "$2" >"$WORK/answers"
}

fetch_repeatedly() {
    local request
    for ((request = 0; request < $2; request++)); do
        curl --silent --show-error --max-time 5 "$1" || break
    done
}

# echo_to ADDRESS COUNT: sends COUNT datagrams to port 7, each from a new port; the answers go into $WORK/answers.
echo_to() {
    export -f echo_repeatedly
    # shellcheck disable=SC2016 # the inner shell expands it
    attend ip netns exec "$LAB-client" bash -c 'echo_repeatedly "$@"' echo "$1" "$2" >"$WORK/answers"
}

echo_repeatedly() {
    local datagram
    for ((datagram = 0; datagram < $2; datagram++)); do
        exec 3<>"/dev/udp/$1/7"
        echo hello >&3
        timeout 2 dd bs=2048 count=1 status=none <&3 || break
    done
}

count_established() {
    show connections --json | jq '[.connections.list[] | select(.state == "established")] | length'
}

established_connections() {
    [[ $(count_established) -ge $1 ]]
}

# ping_address ADDRESS WHAT
ping_address() {
    local received
    command_line "ping -c 5 $1"
    received=$(within client ping -n -c 5 -i 0.2 -W 2 "$1" | tee "$WORK/ping" | sed -n 's/.* \([0-9]*\) received.*/\1/p') || true
    say "$(tail -n 1 "$WORK/ping")"
    check "Ping over $2" "${received:-0} of 5 answered" "$([[ "${received:-0}" -eq 5 ]] && echo yes)"
}

# counters EXPRESSION: reads the unit's counters with jq.
counters() {
    show counters --json | jq --raw-output ".counters | $1"
}

counters_balance() {
    [[ $(counters '.received == .forwarded + .answered + .to_kernel + .dropped') == true ]]
}

balance_text() {
    counters '"\(.received) = \(.forwarded) fwd + \(.answered) ans + \(.to_kernel) kernel + \(.dropped) drop"'
}

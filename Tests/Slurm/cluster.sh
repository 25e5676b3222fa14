# A Slurm cluster of one node on this machine, with ports and folders of its own; to be sourced.
#
# It needs the programs of slurm-wlm and munge, and neither root nor systemd nor control groups: daemons and jobs belong
# to whoever starts it. Jobs of other clusters on this machine are not touched.

# start_cluster FOLDER CPUS: starts the daemons and waits until the node is idle; sets SLURM_CONF.
start_cluster() {
    cluster=$1
    local cpus=$2 host user ports
    host=$(hostname -s)
    user=$(id -un)
    ports=($(/usr/bin/python3 -c '
import socket
sockets = [socket.socket() for _ in range(2)]
for s in sockets: s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in sockets))'))
    mkdir -p "$cluster"/{state,spool,log,munge}
    chmod 700 "$cluster/munge"
    head -c 1024 /dev/urandom >"$cluster/munge/key"
    chmod 400 "$cluster/munge/key"
    # Requeued jobs wait until their former credential has expired: 120 seconds where nothing else is said.
    cat >"$cluster/slurm.conf" <<CONF
ClusterName=trial
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=${ports[0]}
SlurmdPort=${ports[1]}
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$cluster/munge/socket,cred_expire=5
CredType=cred/munge
StateSaveLocation=$cluster/state
SlurmdSpoolDir=$cluster/spool
SlurmctldPidFile=$cluster/slurmctld.pid
SlurmdPidFile=$cluster/slurmd.pid
SlurmctldLogFile=$cluster/log/slurmctld
SlurmdLogFile=$cluster/log/slurmd
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
KillWait=10
MinJobAge=300
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus RealMemory=100000 State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
    export SLURM_CONF=$cluster/slurm.conf
    munged --force --key-file="$cluster/munge/key" --socket="$cluster/munge/socket" \
        --pid-file="$cluster/munge/pid" --log-file="$cluster/munge/log" --seed-file="$cluster/munge/seed"
    slurmctld -f "$SLURM_CONF" >"$cluster/log/start" 2>&1
    slurmd -f "$SLURM_CONF" >>"$cluster/log/start" 2>&1
    local second
    for second in {1..60}; do
        if [ "$(sinfo --noheader --format=%T 2>/dev/null)" = idle ]; then return 0; fi
        sleep 1
    done
    echo "the cluster did not start within a minute:" >&2
    tail -n 20 "$cluster"/log/* >&2
    return 1
}

# stop_cluster: ends every job and daemon that start_cluster began, and removes the folder.
stop_cluster() {
    local file pid
    # Never the jobs of a cluster that this machine may belong to.
    [ "${SLURM_CONF:-}" = "$cluster/slurm.conf" ] || return 0
    scancel --quiet --user="$(id -un)" 2>/dev/null || true
    for _ in {1..150}; do
        [ -n "$(squeue --noheader 2>/dev/null)" ] || break
        sleep 0.1
    done
    for file in "$cluster"/slurmctld.pid "$cluster"/slurmd.pid "$cluster"/munge/pid; do
        pid=$(cat "$file" 2>/dev/null) || continue
        kill "$pid" 2>/dev/null || continue
        for _ in {1..100}; do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -9 "$pid" 2>/dev/null || true
    done
    rm -rf "$cluster"
}

/* What Rust can not say of rte_hash: the layout of its parameters, and how much of EAL's memory is in use. */
#ifndef PEER_HASH_H
#define PEER_HASH_H

#include <stddef.h>
#include <stdint.h>

struct rte_hash;

/* A table for `keys` keys of `key_bytes` bytes, with DPDK's own hash function (CRC-32C on x86); NULL and rte_errno if
 * there is no memory. */
struct rte_hash *peer_hash_create(const char *name, uint32_t keys, uint32_t key_bytes, int is_lock_free);

/* Bytes of EAL's heap that are in use. */
size_t peer_heap_bytes(void);

#endif

#include "peer_hash.h"

#include <rte_hash.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

struct rte_hash *
peer_hash_create(const char *name, uint32_t keys, uint32_t key_bytes, int is_lock_free)
{
	const struct rte_hash_parameters parameters = {
		.name = name,
		.entries = keys,
		.key_len = key_bytes,
		.socket_id = (int)rte_socket_id(),
		.extra_flag = is_lock_free ? RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF : 0,
	};
	return rte_hash_create(&parameters);
}

size_t
peer_heap_bytes(void)
{
	struct rte_malloc_socket_stats statistics;
	if (rte_malloc_get_socket_stats((int)rte_socket_id(), &statistics) != 0)
		return 0;
	return statistics.heap_allocsz_bytes;
}

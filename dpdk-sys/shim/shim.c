/* See shim.h. */
#include "shim.h"

#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_prefetch.h>

int shim_errno(void)
{
	return rte_errno;
}

int shim_is_root(void)
{
	return geteuid() == 0;
}

unsigned int shim_lcore_id(void)
{
	return rte_lcore_id();
}

uint64_t shim_cycles(void)
{
	return rte_rdtsc();
}

uint16_t shim_rx_burst(uint16_t port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t count)
{
	return rte_eth_rx_burst(port, queue, mbufs, count);
}

uint16_t shim_tx_burst(uint16_t port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t count)
{
	return rte_eth_tx_burst(port, queue, mbufs, count);
}

int shim_link_get(uint16_t port, struct shim_link *link)
{
	struct rte_eth_link state;
	int result;

	memset(&state, 0, sizeof(state));
	result = rte_eth_link_get_nowait(port, &state);
	link->speed_mbps = state.link_speed;
	link->up = state.link_status;
	link->full_duplex = state.link_duplex;
	return result;
}

struct rte_mbuf *shim_mbuf_alloc(struct rte_mempool *pool)
{
	return rte_pktmbuf_alloc(pool);
}

int shim_mbuf_alloc_bulk(struct rte_mempool *pool, struct rte_mbuf **mbufs, unsigned int count)
{
	return rte_pktmbuf_alloc_bulk(pool, mbufs, count);
}

void shim_mbuf_free(struct rte_mbuf *mbuf)
{
	rte_pktmbuf_free(mbuf);
}

void shim_mbuf_reset(struct rte_mbuf *mbuf)
{
	rte_pktmbuf_reset(mbuf);
}

void shim_prefetch(const void *address)
{
	rte_prefetch0(address);
}

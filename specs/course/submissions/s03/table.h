#ifndef TABLE_H
#define TABLE_H

#define MOST 20000

void table_fill(const int *coin, int ncoin);
int table_fewest(int amount); /* -1: impossible */
int table_coin(int amount);   /* one of the coins that make it */

#endif

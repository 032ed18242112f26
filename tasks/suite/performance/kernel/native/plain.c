/* The slow loops of a kernel in plain C, on one row after the other, in place.
   Before it come ROWS, COLUMNS, RATE and SCALE; after it the fast loops and kernel(). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AT(i, k) x[i][k]

typedef double row[COLUMNS];
typedef row *rows;

static rows in(double *given) { return (rows)given; }
static void out(double *given, rows x) { }

static int order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void attend(rows x)
{
    row made[ROWS];
    for (int i = 0; i < ROWS; i++) {
        double total = 0, mixed[COLUMNS] = {0};
        for (int j = 0; j <= i; j++) {
            double product = 0;
            for (int k = 0; k < COLUMNS; k++)
                product += x[i][k] * x[j][k];
            double weight = exp(SCALE * product);
            total += weight;
            for (int k = 0; k < COLUMNS; k++)
                mixed[k] += weight * x[j][k];
        }
        for (int k = 0; k < COLUMNS; k++)
            made[i][k] = mixed[k] / total;
    }
    memcpy(x, made, sizeof made);
}

static void decay(rows x)
{
    for (int i = 1; i < ROWS; i++)
        for (int k = 0; k < COLUMNS; k++)
            x[i][k] += RATE * x[i - 1][k];
}

static void nearest(rows x)
{
    double least[ROWS];
    for (int i = 0; i < ROWS; i++)
        least[i] = INFINITY;
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < i; j++) {
            double distance = 0;
            for (int k = 0; k < COLUMNS; k++)
                distance += (x[i][k] - x[j][k]) * (x[i][k] - x[j][k]);
            if (distance < least[i])
                least[i] = distance;
            if (distance < least[j])
                least[j] = distance;
        }
    for (int i = 0; i < ROWS; i++)
        for (int k = 0; k < COLUMNS; k++)
            x[i][k] /= 1 + least[i];
}

static void rank(rows x)
{
    for (int k = 0; k < COLUMNS; k++) {
        double sorted[ROWS];
        for (int i = 0; i < ROWS; i++)
            sorted[i] = x[i][k];
        qsort(sorted, ROWS, sizeof *sorted, order);
        for (int i = 0; i < ROWS; i++) {
            int low = 0, high = ROWS;
            while (low < high) {
                int middle = (low + high) / 2;
                if (sorted[middle] < x[i][k])
                    low = middle + 1;
                else
                    high = middle;
            }
            x[i][k] = (double)low / ROWS;
        }
    }
}

static void spread(rows x)
{
    row made[ROWS] = {0};
    double weight[ROWS];
    for (int i = 0; i < ROWS; i++)
        weight[i] = 1.0 / (1 + i);
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < ROWS; j++)
            for (int k = 0; k < COLUMNS; k++)
                made[i][k] += x[j][k] * weight[i < j ? j - i : i - j];
    memcpy(x, made, sizeof made);
}

static void segment(rows x)
{
    for (int i = 1; i < ROWS; i++)
        if (x[i][0] <= 1)
            for (int k = 0; k < COLUMNS; k++)
                x[i][k] += x[i - 1][k];
}

/* The slow loops of a kernel in C that vectorises, on one column after the other: those of all loops stay in the
   first cache. Before it come ROWS, COLUMNS, RATE and SCALE; after it the fast loops and kernel(). */
#include <float.h>
#include <math.h>
#include <string.h>

#define AT(i, k) x[k][i]

typedef double column[ROWS];
typedef column *rows;

static column held[COLUMNS];

static rows in(double *given)
{
    for (int i = 0; i < ROWS; i++)
        for (int k = 0; k < COLUMNS; k++)
            held[k][i] = given[i * COLUMNS + k];
    return held;
}

static void out(double *given, rows x)
{
    for (int i = 0; i < ROWS; i++)
        for (int k = 0; k < COLUMNS; k++)
            given[i * COLUMNS + k] = x[k][i];
}

static void attend(rows x)
{
    column made[COLUMNS];
    for (int i = 0; i < ROWS; i++) {
        double total = 0, mixed[COLUMNS] = {0}, own[COLUMNS];
        for (int k = 0; k < COLUMNS; k++)
            own[k] = SCALE * x[k][i];
        for (int j = 0; j <= i; j++) {
            double product = 0;
            for (int k = 0; k < COLUMNS; k++)
                product += own[k] * x[k][j];
            double weight = exp(product);
            total += weight;
            for (int k = 0; k < COLUMNS; k++)
                mixed[k] += weight * x[k][j];
        }
        for (int k = 0; k < COLUMNS; k++)
            made[k][i] = mixed[k] / total;
    }
    memcpy(x, made, sizeof made);
}

static void decay(rows x)
{
    for (int i = 1; i < ROWS; i++)
        for (int k = 0; k < COLUMNS; k++)
            x[k][i] += RATE * x[k][i - 1];
}

static void nearest(rows x)
{
    column least;
    for (int i = 0; i < ROWS; i++)
        least[i] = DBL_MAX;
    for (int i = 1; i < ROWS; i++) {
        double own = DBL_MAX;
        for (int j = 0; j < i; j++) {
            double distance = 0;
            for (int k = 0; k < COLUMNS; k++)
                distance += (x[k][i] - x[k][j]) * (x[k][i] - x[k][j]);
            own = distance < own ? distance : own;
            least[j] = distance < least[j] ? distance : least[j];
        }
        least[i] = own;
    }
    for (int k = 0; k < COLUMNS; k++)
        for (int i = 0; i < ROWS; i++)
            x[k][i] /= 1 + least[i];
}

static void rank(rows x)
{
    for (int k = 0; k < COLUMNS; k++) {
        column smaller;
        for (int i = 0; i < ROWS; i++) {
            double count = 0;
            for (int j = 0; j < ROWS; j++)
                count += x[k][j] < x[k][i] ? 1.0 : 0.0;
            smaller[i] = count / ROWS;
        }
        memcpy(x[k], smaller, sizeof smaller);
    }
}

static void spread(rows x)
{
    double weight[2 * ROWS];
    column made[COLUMNS];
    for (int i = 0; i < 2 * ROWS; i++)
        weight[i] = 1.0 / (1 + fabs(i - ROWS));
    for (int i = 0; i < ROWS; i++) {
        double sum[COLUMNS] = {0};
        for (int j = 0; j < ROWS; j++)
            for (int k = 0; k < COLUMNS; k++)
                sum[k] += weight[ROWS - i + j] * x[k][j];
        for (int k = 0; k < COLUMNS; k++)
            made[k][i] = sum[k];
    }
    memcpy(x, made, sizeof made);
}

static void segment(rows x)
{
    for (int i = 1; i < ROWS; i++)
        if (x[0][i] <= 1)
            for (int k = 0; k < COLUMNS; k++)
                x[k][i] += x[k][i - 1];
}

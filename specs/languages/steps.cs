using System;
using System.Linq;

static class Program
{
    static int Steps(int n)
    {
        int count = 0;
        for (; n != 1; count++)
            n = n % 2 == 1 ? 3 * n + 1 : n / 2;
        return count;
    }

    static void Main()
    {
        var starts = Enumerable.Range(1, int.Parse(Console.ReadLine())).ToList();
        starts.ForEach(start => Console.WriteLine("{0} {1}", start, Steps(start)));
        Console.WriteLine("total {0}", starts.Sum(start => Steps(start)));
    }
}

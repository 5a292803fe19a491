import java.util.Scanner;
import java.util.stream.IntStream;

class Main {
    static int steps(int n) {
        int count = 0;
        for (; n != 1; count++)
            n = n % 2 == 1 ? 3 * n + 1 : n / 2;
        return count;
    }

    public static void main(String[] args) {
        int limit = new Scanner(System.in).nextInt();
        for (int start = 1; start <= limit; start++)
            System.out.println(start + " " + steps(start));
        System.out.println("total " + IntStream.rangeClosed(1, limit).map(Main::steps).sum());
    }
}

import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;

/** Reads the embedded ClickHouse as a BI tool does: with its JDBC driver, packed and not. Arguments: url, token. */
public class ReadTables {
  public static void main(String[] arguments) throws Exception {
    for (String compress : new String[] {"true", "false"}) read(arguments[0], arguments[1], compress);
  }

  private static void read(String url, String token, String compress) throws Exception {
    Properties properties = new Properties();
    properties.setProperty("user", "bi");
    properties.setProperty("password", token);
    properties.setProperty("compress", compress);
    try (Connection connection = DriverManager.getConnection("jdbc:clickhouse:" + url + "/ads", properties);
        Statement statement = connection.createStatement()) {
      // Several blocks of a packed answer.
      String many = "SELECT number, toDecimal64(number, 6), if(number % 2 = 0, NULL, number), repeat('x', 20) FROM numbers(100000)";
      long rows = 0;
      long nulls = 0;
      try (ResultSet found = statement.executeQuery(many)) {
        for (; found.next(); rows++) {
          expect(found.getLong(1) == rows, "number " + rows);
          expect(found.getBigDecimal(2).compareTo(BigDecimal.valueOf(rows)) == 0, "decimal " + rows);
          found.getLong(3);
          if (found.wasNull()) nulls++;
          expect(found.getString(4).length() == 20, "text " + rows);
        }
      }
      expect(rows == 100000 && nulls == 50000, rows + " rows, " + nulls + " nulls");
      expect(count(connection.getMetaData().getColumns(null, "ads", "late_events", "%")) == 11, "columns of late_events");
      expect(count(connection.getMetaData().getTables(null, "ads", "%", null)) >= 14, "tables and views");
      try (PreparedStatement prepared = connection.prepareStatement("SELECT count() FROM late_events FINAL WHERE org_id = ?")) {
        prepared.setString(1, "k-7");
        try (ResultSet found = prepared.executeQuery()) {
          expect(found.next() && found.getLong(1) == 1, "a row of late_events");
        }
      }
      try (ResultSet found = statement.executeQuery("SELECT * FROM nowhere")) {
        expect(false, "a table that is not there");
      } catch (SQLException error) {
        expect(error.getMessage().contains("nowhere"), "the words of an error: " + error.getMessage());
      }
    }
    System.out.println("jdbc: reads tables, compress=" + compress);
  }

  private static int count(ResultSet found) throws SQLException {
    int rows = 0;
    while (found.next()) rows++;
    return rows;
  }

  private static void expect(boolean holds, String what) {
    if (!holds) throw new AssertionError(what);
  }
}

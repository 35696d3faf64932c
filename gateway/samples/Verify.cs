// Xác thực một người qua cổng, chỉ cần .NET 6 trở lên, hoặc .NET Framework 4.6 hay Mono.
// Verifies one person through the gateway; needs .NET 6 or later, or .NET Framework 4.6 or Mono.
//
//   Verify BASE_URL CLIENT_ID SECRET_FILE REQUEST_JSON_FILE
//
// Exit codes: 0 answered (matched or not), 1 a problem, 2 wrong usage.

using System;
using System.IO;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Runtime.Serialization.Json;
using System.Text;
using System.Threading.Tasks;
using System.Xml;
using System.Xml.Linq;

/// <summary>The gateway refused: a status and its problem document (RFC 9457).</summary>
public sealed class Problem : Exception
{
    public int Status { get; }
    public XElement Document { get; }

    public Problem(int status, XElement document) : base("status " + status)
    {
        Status = status;
        Document = document;
    }
}

/// <summary>One client of the gateway. Keep it: it keeps its token and its connections.</summary>
public sealed class Gateway : IDisposable
{
    /// Longer than the gateway takes for one request.
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan RetryAfterMax = TimeSpan.FromSeconds(60);
    /// A token is renewed so long before it expires.
    private static readonly TimeSpan TokenMargin = TimeSpan.FromSeconds(30);

    // The gateway never redirects, and the secret must not follow somebody who does.
    private readonly HttpClient http =
        new HttpClient(new HttpClientHandler { AllowAutoRedirect = false }) { Timeout = Timeout };
    private readonly string baseUrl;
    private readonly string clientId;
    private readonly string secret;
    private string token;
    private DateTime tokenUntil;

    public Gateway(string baseUrl, string clientId, string secret)
    {
        this.baseUrl = baseUrl.TrimEnd('/');
        this.clientId = clientId;
        this.secret = secret;
    }

    /// <summary>Asks whether what the request, a JSON object, says about a person is true.</summary>
    public async Task<XElement> Verify(string request)
    {
        var bearer = new AuthenticationHeaderValue("Bearer", await Token());
        return await Post("/v1/verifications", "application/json", bearer, request);
    }

    public void Dispose()
    {
        http.Dispose();
    }

    /// A token serves every request until shortly before it expires: the gateway limits how often
    /// it hands out new ones. A program that runs for long keeps this object and with it the token;
    /// with several threads, put a SemaphoreSlim around these lines.
    private async Task<string> Token()
    {
        if (token == null || DateTime.UtcNow >= tokenUntil)
        {
            // client_secret_basic, RFC 6749, section 2.3.1. Identifiers and secrets of this gateway
            // are of characters that need no encoding.
            var pair = Convert.ToBase64String(Encoding.UTF8.GetBytes(clientId + ":" + secret));
            var answer = await Post("/oauth2/token", "application/x-www-form-urlencoded",
                new AuthenticationHeaderValue("Basic", pair), "grant_type=client_credentials");
            var life = TimeSpan.FromSeconds((int)answer.Element("expires_in"));
            token = (string)answer.Element("access_token");
            tokenUntil = DateTime.UtcNow + life - TokenMargin;
        }
        return token;
    }

    private async Task<XElement> Post(
        string path, string mediaType, AuthenticationHeaderValue authorization, string body)
    {
        for (var attempt = 1; ; attempt++)
        {
            TimeSpan wait;
            using (var request = new HttpRequestMessage(HttpMethod.Post, baseUrl + path))
            {
                request.Headers.Authorization = authorization;
                request.Headers.Add("Accept-Language", "vi");
                request.Content = new StringContent(body, Encoding.UTF8, mediaType);
                using (var response = await http.SendAsync(request))
                {
                    var status = (int)response.StatusCode;
                    var json = Parse(await response.Content.ReadAsByteArrayAsync());
                    if (status == 200 && json.HasElements)
                    {
                        return json;
                    }
                    // 429 and 503 say when to come again. Once; who asks in a loop makes it worse.
                    var again = status == 429 || status == 503;
                    wait = response.Headers.RetryAfter?.Delta ?? TimeSpan.FromSeconds(1);
                    if (attempt == 2 || !again || wait > RetryAfterMax)
                    {
                        throw new Problem(status, json);
                    }
                }
            }
            await Task.Delay(wait);
        }
    }

    /// Reads JSON with what both .NET and .NET Framework have; System.Text.Json is the better choice
    /// where only .NET 6 or later is to be served. Empty where somebody else answered, such as a
    /// proxy.
    private static XElement Parse(byte[] json)
    {
        try
        {
            var quotas = XmlDictionaryReaderQuotas.Max;
            using (var reader = JsonReaderWriterFactory.CreateJsonReader(json, quotas))
            {
                return XElement.Load(reader);
            }
        }
        catch (XmlException)
        {
            return new XElement("root");
        }
    }
}

public static class Program
{
    public static int Main(string[] arguments)
    {
        // Whatever the terminal is set to.
        Console.OutputEncoding = new UTF8Encoding(false);
        return Run(arguments).GetAwaiter().GetResult();
    }

    private static async Task<int> Run(string[] arguments)
    {
        if (arguments.Length != 4)
        {
            Console.Error.WriteLine(
                "usage: Verify BASE_URL CLIENT_ID SECRET_FILE REQUEST_JSON_FILE");
            return 2;
        }
        string secret, request;
        try
        {
            // ReadAllText reads UTF-8, with or without the byte order mark of Windows.
            secret = File.ReadAllText(arguments[2]).Trim();
            request = File.ReadAllText(arguments[3]);
        }
        catch (Exception error) when (error is IOException || error is UnauthorizedAccessException)
        {
            Console.Error.WriteLine("không đọc được tệp / cannot read the file: " + error.Message);
            return 2;
        }
        try
        {
            using (var gateway = new Gateway(arguments[0], arguments[1], secret))
            {
                ShowAnswer(await gateway.Verify(request));
            }
            return 0;
        }
        catch (Problem problem)
        {
            ShowProblem(problem);
        }
        // A time-out shows as a cancelled task.
        catch (Exception error) when (error is HttpRequestException || error is TaskCanceledException)
        {
            Console.Error.WriteLine(
                "không kết nối được tới cổng / cannot reach the gateway: " + error.Message);
        }
        return 1;
    }

    private static void ShowAnswer(XElement answer)
    {
        Console.WriteLine("Kết quả: " + Text(answer, "outcome"));
        // The policy may hide the attributes.
        var attributes = answer.Element("attributes") ?? new XElement("none");
        foreach (var shown in attributes.Elements())
        {
            var reason = Text(shown, "reason");
            var because = reason == "" ? "" : " (" + reason + ")";
            Console.WriteLine("  " + shown.Name.LocalName + ": " + Text(shown, "verdict") + because);
        }
        var advice = answer.Element("advice");
        if (advice != null)
        {
            Console.WriteLine("Hướng dẫn: " + Text(advice, "vi"));
        }
        var receipt = answer.Element("receipt");
        Console.WriteLine("Biên nhận: " + Text(receipt, "log") + " " + Text(receipt, "index") + " "
            + Text(receipt, "leaf"));
    }

    private static void ShowProblem(Problem problem)
    {
        var told = problem.Document;
        Console.Error.WriteLine(
            "Lỗi " + problem.Status + " " + Text(told, "code") + ": " + Text(told, "detail"));
        Console.Error.WriteLine("Mã yêu cầu: " + Text(told, "request_id"));
        var errors = told.Element("errors") ?? new XElement("none");
        foreach (var field in errors.Elements())
        {
            Console.Error.WriteLine("  " + Text(field, "pointer") + ": " + Text(field, "code"));
        }
    }

    /// The text of a member; empty where there is none.
    private static string Text(XElement parent, string name)
    {
        return (string)parent.Element(name) ?? "";
    }
}
